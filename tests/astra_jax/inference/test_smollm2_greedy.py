"""Real weights, real text: greedy completions of 50 prompts are those of `transformers`, token by token."""

import asyncio
from pathlib import Path

import pytest

from astra_jax.checkpoints import smollm2
from astra_jax.checkpoints.hf import import_model
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Sampling
from astra_jax.tokens import CHATML, TokenBuffer, Tokenizer
from data_synthesis.records import Message

CONTEXT, TOKENS = 256, 24
TOPICS = (
    "the moon",
    "photosynthesis",
    "a sorting algorithm",
    "the city of Lisbon",
    "how bread rises",
    "tides",
    "a bicycle",
    "the number pi",
    "an honest apology",
    "rain",
)
ASKED = (
    "What is {}?",
    "Write one sentence about {}.",
    "List three facts about {}.",
    "Explain {} to a child.",
    "Why would anybody care about {}?",
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("smollm2") / "hf"
    try:
        smollm2.convert(out)
    except smollm2.WheelUnavailable as error:
        pytest.skip(str(error))
    return out


def prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    buffer = TokenBuffer(tokenizer, CHATML)
    buffer.start([Message(role="user", content=text)], [])
    return list(buffer.ids)


@pytest.mark.slow
def test_greedy_completions_of_fifty_prompts_are_those_of_transformers(directory):
    pytest.importorskip("torch")
    from astra_jax.evaluation.transformers_engine import TransformersEngine

    tokenizer = Tokenizer(directory)
    prompts = [prompt(tokenizer, asked.format(topic)) for topic in TOPICS for asked in ASKED]
    greedy = Sampling(TOKENS, (tokenizer.id("<|im_end|>"),), temperature=0.0)

    async def all_of(engine):
        return await asyncio.gather(*(engine.generate(ids, greedy) for ids in prompts))

    ours = asyncio.run(all_of(JaxEngine(import_model(directory), EngineSize(slots=16, context=CONTEXT))))
    theirs = asyncio.run(all_of(TransformersEngine(directory, CONTEXT)))
    assert len(prompts) == 50
    assert [done.token_ids for done in ours] == [done.token_ids for done in theirs]
    gaps = [
        abs(a - b)
        for x, y in zip(ours, theirs, strict=True)
        for a, b in zip(x.logprobs, y.logprobs, strict=True)
    ]
    assert max(gaps) < 1e-4
