"""On a CPU slots are decoded in banks of eight, no more of them than are needed, and no bit changes by it."""

import asyncio
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.inference import engine as engine_module
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Sampling
from astra_jax.inference.request import Request
from astra_jax.models import ModelConfig, Transformer

SIZE = EngineSize(slots=24, context=96, prefill_rows=2, prefill_tokens=16, decode_tokens=4)
CONFIG = ModelConfig(
    family="qwen3",
    vocab_size=61,
    hidden_size=32,
    ffn_size=48,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=8,
    qk_norm=True,
)
# Widths of SmolLM2-135M: sums that are long enough to be split.
WIDE = replace(
    CONFIG,
    family="llama",
    qk_norm=False,
    hidden_size=576,
    ffn_size=1536,
    num_heads=9,
    num_kv_heads=3,
    head_dim=64,
)


@pytest.fixture(scope="module")
def engine():
    return JaxEngine(Transformer(CONFIG, rngs=nnx.Rngs(0)), SIZE)


@pytest.fixture
def rows_read(monkeypatch):
    """How many slots each dispatch of decoding was given."""
    seen, decode = [], engine_module.decode_steps

    def counted(graph, weights, caches, *others):
        seen.append(sum(cache.layers[0].blocks[0].keys_BxKxHxS.shape[0] for cache in caches))
        return decode(graph, weights, caches, *others)

    monkeypatch.setattr(engine_module, "decode_steps", counted)
    return seen


def until(tokens: int) -> Sampling:
    return Sampling(max_tokens=tokens, stop_ids=(), seed=tokens)


def work(count: int) -> list[tuple[list[int], Sampling]]:
    rng = np.random.default_rng(0)
    lengths = zip(rng.integers(1, 30, count), rng.integers(4, 60, count), strict=True)
    return [(rng.integers(0, 61, prompt).tolist(), until(int(reply))) for prompt, reply in lengths]


def play(engine: JaxEngine, requests: list, sessions: list[str] | None = None) -> list[Request]:
    """All at once, until they are done."""

    async def together():
        named = zip(requests, sessions or [""] * len(requests), strict=True)
        begun = [engine.submit(*request, session=name) for request, name in named]
        await asyncio.gather(*(request.done for request in begun))
        return begun

    return asyncio.run(together())


def drawn(requests: list[Request]) -> list:
    return [(r.done.result().token_ids, r.done.result().logprobs) for r in requests]


@pytest.mark.parametrize(
    "config",
    [CONFIG, WIDE, replace(WIDE, compute_dtype=jnp.bfloat16)],
    ids=["narrow", "wide", "wide, bfloat16"],
)
def test_results_are_the_same_bits_in_three_banks_in_one_and_after_a_move(config, rows_read):
    engine, requests = JaxEngine(Transformer(config, rngs=nnx.Rngs(0)), SIZE), work(30)
    together = drawn(play(engine, requests))
    assert set(rows_read) == {8, 16, 24}
    for request, expected in list(zip(requests, together, strict=True))[::5]:
        engine.flush()
        assert drawn(play(engine, [request])) == [expected]


def test_no_more_slots_are_read_than_requests_need(engine, rows_read):
    # Every eighth goes on: one in each bank.
    play(engine, [([i, 1], until(4 if i % 8 else 40)) for i in range(24)])
    assert rows_read[0] == 24
    assert rows_read[-9:] == [8] * 9


def test_a_session_keeps_its_cache_when_its_slot_is_given_to_another(engine, rows_read):
    engine.flush()
    names = [chr(ord("a") + i) for i in range(24)]
    prompts = [list(range(1 + i, 31 + i)) for i in range(24)]
    lengths = [4 if i % 8 else 30 for i in range(24)]
    first = play(engine, [(p, until(n)) for p, n in zip(prompts, lengths, strict=True)], names)
    assert rows_read[-1] == 8  # so some were moved, to where others' caches were
    said = [p + r.done.result().token_ids for p, r in zip(prompts, first, strict=True)]
    again = play(engine, [([*ids, 5, 6], until(20)) for ids in said], names)
    assert [r.cached for r in again] == [
        len(ids) - 1 for ids in said
    ]  # the last token drawn was not read yet
    other = JaxEngine(Transformer(CONFIG, rngs=nnx.Rngs(0)), SIZE)
    for i in (0, 1, 8, 16):
        play(other, [(prompts[i], until(lengths[i]))], ["alone"])
        assert drawn(play(other, [([*said[i], 5, 6], until(20))], ["alone"])) == drawn([again[i]])
        other.release("alone")
        other.flush()


def test_what_cannot_be_read_in_banks_is_read_whole(rows_read):
    mixture = replace(CONFIG, num_experts=4, experts_per_token=2, expert_ffn_size=16)
    for config, size in ((mixture, SIZE), (CONFIG, replace(SIZE, slots=12))):
        play(JaxEngine(Transformer(config, rngs=nnx.Rngs(0)), size), work(1))
    assert set(rows_read) == {24, 12}
