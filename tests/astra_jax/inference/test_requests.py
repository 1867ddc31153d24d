"""One request at a time: streams, aborts, deadlines, grammars, and weights that change under it."""

import asyncio
import random

import jax
import numpy as np
import pytest
from flax import nnx

from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import BadSampling, GrammarFailed, Sampling, WeightsMismatch
from astra_jax.models import ModelConfig, Transformer

V = 61
CONFIG = ModelConfig("qwen3", V, 32, 48, 2, 4, 2, 8, qk_norm=True, init_std=0.16)
SIZE = EngineSize(slots=4, context=96, prefill_rows=2, prefill_tokens=16, decode_tokens=4)
PROMPT = [7, 8, 9, 10]


@pytest.fixture(scope="module")
def model() -> Transformer:
    return Transformer(CONFIG, rngs=nnx.Rngs(0))


def sampling(seed: int = 0, **changes) -> Sampling:
    return Sampling(**({"max_tokens": 20, "stop_ids": (), "seed": seed} | changes))


def with_engine(model, test):
    """Runs `test(engine)`; nothing may hang."""

    async def run():
        return await asyncio.wait_for(test(JaxEngine(model, SIZE)), 120)

    return asyncio.run(run())


def alone(model, ids, sampling, grammar=None):
    return with_engine(model, lambda engine: engine.generate(ids, sampling, grammar=grammar))


def test_a_stream_is_the_completion_in_pieces_of_a_dispatch(model):
    async def stream(engine):
        return [piece async for piece in engine.stream(PROMPT, asked)]

    asked = sampling(max_tokens=10, top_logprobs=2)
    pieces, whole = with_engine(model, stream), alone(model, PROMPT, asked)
    assert [len(piece.token_ids) for piece in pieces] == [4, 4, 2]
    assert [t for piece in pieces for t in piece.token_ids] == whole.token_ids
    assert [p for piece in pieces for p in piece.logprobs] == whole.logprobs
    assert [p for piece in pieces for p in piece.top_logprobs] == whole.top_logprobs
    assert [len(place) for place in whole.top_logprobs] == [2] * 10


def test_a_stream_that_is_closed_frees_its_slot(model):
    async def closed(engine):
        stream = engine.stream(PROMPT, sampling(max_tokens=80))
        await anext(stream)
        await stream.aclose()
        return await engine.generate(PROMPT, sampling(1)), engine.load

    completion, load = with_engine(model, closed)
    assert (completion, load) == (alone(model, PROMPT, sampling(1)), (0, 0))


def test_an_aborted_request_ends_with_what_it_has(model):
    async def aborted(engine):
        request = engine.submit(PROMPT, sampling(max_tokens=80))
        pieces = request.pieces()
        await anext(pieces)
        request.abort()
        return await request.done

    cut, whole = with_engine(model, aborted), alone(model, PROMPT, sampling(max_tokens=80))
    assert (cut.reason, cut.finished) == ("abort", False)
    assert 4 <= len(cut.token_ids) < 80
    assert cut.token_ids == whole.token_ids[: len(cut.token_ids)]


def test_a_request_that_waits_for_a_slot_can_be_aborted_and_has_a_deadline(model):
    async def crowded(engine):
        others = [engine.submit(PROMPT, sampling(i, max_tokens=80)) for i in range(4)]
        first, second = engine.submit(PROMPT, sampling()), engine.submit(PROMPT, sampling(deadline_s=0.0))
        first.abort()
        ends = await first.done, await second.done
        return ends, [await other.done for other in others]

    ends, others = with_engine(model, crowded)
    assert [(end.reason, end.token_ids) for end in ends] == [("abort", []), ("deadline", [])]
    assert others[2] == alone(model, PROMPT, sampling(2, max_tokens=80))


def test_a_deadline_ends_a_request_with_what_it_has(model):
    async def late(engine):
        await engine.generate(PROMPT, sampling())  # compiled
        engine.pause()
        request = engine.submit(PROMPT, sampling(deadline_s=0.05))
        return await request.done

    assert with_engine(model, late).reason == "deadline"


class Counting:
    """A grammar of one sentence: tokens 20, 21, 22 and so on."""

    def __init__(self, fails_at: int = 99):
        self.next, self.fails_at = 20, fails_at

    def allowed(self) -> np.ndarray:
        words = np.zeros(2, np.uint32)
        if self.next < self.fails_at:
            words[self.next // 32] = 1 << self.next % 32
        return words

    def accept(self, token_id: int) -> None:
        assert token_id == self.next
        self.next += 1


def test_a_grammar_decides_each_token_and_others_get_theirs(model):
    rng = random.Random(0)
    requests = [([rng.randrange(V) for _ in range(12)], sampling(i)) for i in range(7)]

    async def mixed(engine):
        grammars = [Counting() if i % 2 else None for i in range(7)]
        pairs = zip(requests, grammars, strict=True)
        return await asyncio.gather(*(engine.generate(*r, grammar=g) for r, g in pairs))

    for i, completion in enumerate(with_engine(model, mixed)):
        if i % 2:
            assert completion.token_ids == list(range(20, 40))
            assert max(completion.logprobs) < 0
        else:
            assert completion == alone(model, *requests[i])


def test_a_grammar_that_allows_nothing_fails_its_request_alone(model):
    async def mixed(engine):
        bad = engine.generate(PROMPT, sampling(), grammar=Counting(fails_at=25))
        return await asyncio.gather(bad, engine.generate(PROMPT, sampling(3)), return_exceptions=True)

    error, other = with_engine(model, mixed)
    assert isinstance(error, GrammarFailed)
    assert other == alone(model, PROMPT, sampling(3))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": 2e-38}, "temperature is 2e-38: it is 0, or from 1e-06"),
        ({"temperature": 1e39}, r"temperature is 1e\+39"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1e-50}, "top_p is 1e-50: it is at least 1e-06"),
        ({"top_k": -2}, "top_k is -2"),
        ({"top_logprobs": 21}, "top_logprobs is 21: it is from 0 to 20"),
        ({"top_logprobs": -1}, "top_logprobs is -1"),
        ({"stop_ids": (3, V)}, "not all tokens of a vocabulary of 61"),
    ],
)
def test_sampling_that_cannot_be_is_refused(model, changes, sentence):
    with pytest.raises(BadSampling, match=sentence):
        alone(model, PROMPT, sampling(**changes))


@pytest.mark.parametrize("token", [V, -1, 2**31, 2**80])
def test_a_prompt_of_unknown_tokens_is_refused(model, token):
    with pytest.raises(BadSampling, match="outside a vocabulary of 61"):
        alone(model, [1, token], sampling())


def test_more_likely_tokens_than_there_are_is_all_of_them(model):
    async def both(engine):
        asked = [sampling(0), sampling(0, top_k=2**31), sampling(0, top_k=V)]
        return await asyncio.gather(*(engine.generate(PROMPT, each) for each in asked))

    first, *others = with_engine(model, both)
    assert others == [first, first]


def test_weights_that_are_no_numbers_leave_nothing_behind(model):
    good = nnx.to_pure_dict(nnx.state(model))
    bad = jax.tree.map(lambda leaf: leaf * float("nan"), good)

    async def repaired(engine):
        engine.push(bad, 1)
        await asyncio.gather(*(engine.generate([*PROMPT, *PROMPT], sampling(i)) for i in range(6)))
        engine.push(good, 2)
        return await engine.generate(PROMPT, sampling(3))

    after, expected = with_engine(model, repaired), alone(model, PROMPT, sampling(3))
    assert (after.token_ids, after.logprobs) == (expected.token_ids, expected.logprobs)


def test_weights_that_change_under_a_request_show_in_the_version_of_each_token(model):
    changed = jax.tree.map(lambda leaf: leaf * 1.5, nnx.to_pure_dict(nnx.state(model)))

    async def updated(engine):
        requests = [engine.submit(PROMPT, sampling(i, max_tokens=60)) for i in range(6)]
        pieces = requests[0].pieces()
        await anext(pieces)
        engine.pause()
        engine.push(changed, 5)
        engine.resume()
        return [await request.done for request in requests]

    other = Transformer(CONFIG, rngs=nnx.Rngs(1))
    nnx.update(other, changed)
    for i, completion in enumerate(with_engine(model, updated)):
        versions = completion.weight_versions
        assert versions == sorted(versions)
        assert versions[-1] == 5
        before = versions.count(0)
        assert (
            completion.token_ids[:before]
            == alone(model, PROMPT, sampling(i, max_tokens=60)).token_ids[:before]
        )
        rest = alone(other, PROMPT + completion.token_ids[:before], sampling(i, max_tokens=60 - before))
        assert completion.token_ids[before:] == rest.token_ids
        assert completion.logprobs[before:] == rest.logprobs


def test_weights_of_another_shape_are_refused(model):
    async def wrong(engine):
        weights = nnx.to_pure_dict(nnx.state(model))
        engine.push(weights | {"embedding": np.zeros((3, 3), np.float32)}, 1)

    with pytest.raises(WeightsMismatch, match="another shape"):
        with_engine(model, wrong)


def test_while_paused_nothing_is_drawn(model):
    async def paused(engine):
        engine.pause()
        request = engine.submit(PROMPT, sampling())
        await asyncio.sleep(0.2)
        drawn = list(request.token_ids)
        engine.resume()
        return drawn, await request.done

    drawn, completion = with_engine(model, paused)
    assert drawn == []
    assert completion == alone(model, PROMPT, sampling())
