"""The exported checkpoint in `transformers`: the same greedy tokens as this project's engine, turn by turn."""

import asyncio
import json
import shutil

import pytest

from astra_jax.checkpoints.hf import import_model
from astra_jax.evaluation.transformers_engine import TransformersEngine
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.episodes import EpisodeLimits, Player
from astra_jax.inference.interface import ContextOverflow, Sampling
from astra_jax.tokens import FORMATS

pytest.importorskip("torch", reason="PyTorch is not installed (extra `eval`)")

CONTEXT = 448


@pytest.fixture(scope="module")
def directory(policy, tmp_path_factory):
    """The checkpoint, with generation settings that would change what is greedy, were they followed."""
    directory = tmp_path_factory.mktemp("hf") / "policy"
    shutil.copytree(policy, directory)
    settings = {"do_sample": True, "temperature": 0.3, "repetition_penalty": 1.8, "max_length": 20}
    (directory / "generation_config.json").write_text(json.dumps(settings))
    return directory


@pytest.fixture(scope="module")
def engines(directory):
    size = EngineSize(
        slots=4, context=CONTEXT, prefill_rows=2, prefill_tokens=32, decode_tokens=8, stop_ids=2
    )
    return JaxEngine(import_model(directory), size), TransformersEngine(directory, CONTEXT)


def greedy(max_tokens=40, stop_ids=()) -> Sampling:
    return Sampling(max_tokens=max_tokens, stop_ids=stop_ids, temperature=0.0)


def test_whole_greedy_episodes_are_the_same_tokens(engines, small, sandbox):
    limits = EpisodeLimits(max_turns=4, max_turn_tokens=40, max_tokens=200)
    for arena in small.arenas[::3]:
        ours, theirs = (
            asyncio.run(
                Player(engine, small.tokenizer, FORMATS["qwen3"], sandbox, limits, 0.0).play(arena, seed=0)
            )
            for engine in engines
        )
        assert ours.token_ids == theirs.token_ids
        assert ours.reward == theirs.reward
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


def test_it_stops_where_the_other_does(engines, small):
    end = small.tokenizer.id("<|im_end|>")
    prompt = small.tokenizer.encode("<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")
    for how in (greedy(stop_ids=(end,)), greedy(3, (end,)), greedy(10_000, (end, 0))):
        ours, theirs = (asyncio.run(engine.generate(prompt, how)) for engine in engines)
        assert (ours.token_ids, ours.finished) == (theirs.token_ids, theirs.finished)


def test_what_it_cannot_do_is_refused(engines):
    _, engine = engines
    with pytest.raises(ValueError, match=r"temperature is 0.5: this engine is greedy only"):
        asyncio.run(engine.generate([1], Sampling(max_tokens=1, stop_ids=(2,), temperature=0.5)))
    with pytest.raises(ContextOverflow, match=f"a prompt of {CONTEXT} tokens does not fit {CONTEXT}"):
        asyncio.run(engine.generate([1] * CONTEXT, greedy(stop_ids=(2,))))
