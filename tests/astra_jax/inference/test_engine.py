"""The engine's promise: a request's tokens and log-probs are its own, whatever else is in the batch."""

import asyncio
import gc
import random
import time
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.inference import engine as engine_module
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Completion, ContextOverflow, Sampling
from astra_jax.models import ModelConfig, Transformer, ragged

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
SIZE = EngineSize(slots=4, context=96, prefill_rows=2, prefill_tokens=16, decode_tokens=4)


@pytest.fixture(scope="module")
def model() -> Transformer:
    # Small initial weights give near-uniform logits; larger ones make mistakes visible.
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    nnx.update(model, jax.tree.map(lambda leaf: leaf * 8 if leaf.ndim > 1 else leaf, nnx.state(model)))
    return model


def prompts(count: int, seed: int = 0) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(61) for _ in range(rng.randrange(1, 60))] for _ in range(count)]


def sampling(seed: int, **changes) -> Sampling:
    return Sampling(**({"max_tokens": 20, "stop_ids": (3,), "temperature": 1.0, "seed": seed} | changes))


def generate(
    model: Transformer, requests: list[tuple[list[int], Sampling]], size: EngineSize = SIZE
) -> list[Completion]:
    async def run():
        engine = JaxEngine(model, size)
        return await asyncio.gather(*(engine.generate(ids, s) for ids, s in requests))

    return asyncio.run(run())


def test_results_are_the_same_bits_alone_in_a_batch_and_in_another_order(model):
    requests = [(ids, sampling(i)) for i, ids in enumerate(prompts(11))]
    together = generate(model, requests)
    assert together == [generate(model, [request])[0] for request in requests]
    assert together == generate(model, requests[::-1])[::-1]


def test_so_they_are_in_a_batch_of_32(model):
    size = replace(SIZE, slots=32)
    requests = [(ids, sampling(i)) for i, ids in enumerate(prompts(36))]
    together = generate(model, requests, size)
    assert together == generate(model, requests[::-1], size)[::-1]
    assert together[::9] == [generate(model, [request], size)[0] for request in requests[::9]]


def test_so_they_are_where_weights_and_caches_are_large(model, monkeypatch):
    """Such are read in another way on a CPU."""
    requests = [(ids, sampling(i)) for i, ids in enumerate(prompts(3))]
    as_small = generate(model, requests)
    # Programs that were made before are of another graph, whose weights are not kept outputs first.
    monkeypatch.setattr(engine_module, "LARGE", 0)
    monkeypatch.setattr(ragged, "SMALL", 0)
    for found, expected in zip(generate(model, requests), as_small, strict=True):
        assert found.token_ids == expected.token_ids
        np.testing.assert_allclose(found.logprobs, expected.logprobs, atol=1e-4)
    test_results_are_the_same_bits_alone_in_a_batch_and_in_another_order(model)
    test_neighbours_that_reach_further_into_the_cache_change_no_bit(model)
    test_logprobs_are_those_of_the_training_forward(model)
    test_a_mixtures_logprobs_are_those_of_the_training_forward()
    test_new_weights_take_effect_and_carry_their_version(model)


def training_logits(model: Transformer, ids: list[int]) -> np.ndarray:
    """The training forward's logits [len(ids), V]; all rows are padded to one length, so that it compiles once."""
    pad = SIZE.context - len(ids)
    tokens, segments = np.pad([ids], ((0, 0), (0, pad))), np.pad([[1] * len(ids)], ((0, 0), (0, pad)))
    graph, weights = nnx.split(model)
    return np.asarray(_forward(graph, weights, tokens, segments))[0, : len(ids)]


@partial(jax.jit, static_argnums=0)
def _forward(graph, weights, tokens, segments):
    model = nnx.merge(graph, weights)
    return model.logits(model(tokens, jnp.arange(tokens.shape[1])[None], segments))


def test_logprobs_are_those_of_the_training_forward(model):
    assert_agrees(model, 6)


def test_a_mixtures_logprobs_are_those_of_the_training_forward():
    """Each token is routed in the engine as it is in training, whatever else is in the batch."""
    mixture = {"family": "qwen3_moe", "num_experts": 4, "experts_per_token": 2, "expert_ffn_size": 16}
    assert_agrees(Transformer(replace(CONFIG, **mixture, init_std=0.3), rngs=nnx.Rngs(0)), 3)


def assert_agrees(model, count):
    temperature = 0.7
    requests = [(ids, sampling(i, temperature=temperature)) for i, ids in enumerate(prompts(count))]
    for (ids, _), completion in zip(requests, generate(model, requests), strict=True):
        logprobs = jax.nn.log_softmax(training_logits(model, ids + completion.token_ids) / temperature)
        own = [float(logprobs[len(ids) + i - 1, t]) for i, t in enumerate(completion.token_ids)]
        np.testing.assert_allclose(completion.logprobs, own, atol=1e-4)


def test_who_asks_for_the_likeliest_tokens_changes_no_bit_of_anyones(model):
    requests = [(ids, sampling(i, temperature=0.7 * (i % 3), top_p=0.9)) for i, ids in enumerate(prompts(9))]
    plain = generate(model, requests)
    for asking in ({4}, {0, 3, 7}, set(range(9))):
        asked = [
            (ids, replace(s, top_logprobs=i + 1) if i in asking else s) for i, (ids, s) in enumerate(requests)
        ]
        for i, (completion, alike) in enumerate(zip(generate(model, asked), plain, strict=True)):
            assert replace(completion, top_logprobs=[]) == alike
            assert [len(place) for place in completion.top_logprobs] == [i + 1] * len(alike.token_ids) * (
                i in asking
            )


def test_the_likeliest_tokens_are_those_of_the_training_forward_and_a_drawn_ones_score_is_its_own(model):
    ids = prompts(1)[0]
    completion = generate(model, [(ids, sampling(4, temperature=0.7, top_logprobs=20))])[0]
    logits = training_logits(model, ids + completion.token_ids)[len(ids) - 1 : -1]
    expected = np.asarray(jax.nn.log_softmax(logits / 0.7))
    places = zip(completion.token_ids, completion.logprobs, completion.top_logprobs, expected, strict=True)
    seen = 0
    for token, logprob, likeliest, all_of_them in places:
        tokens, scores = zip(*likeliest, strict=True)
        np.testing.assert_allclose(scores, np.sort(all_of_them)[::-1][:20], atol=1e-4)
        np.testing.assert_allclose(scores, all_of_them[list(tokens)], atol=1e-4)
        seen += token in tokens
        assert dict(likeliest).get(token, logprob) == logprob
    assert seen > 0


def test_greedy_takes_the_most_likely_token(model):
    ids = prompts(1)[0]
    completion = generate(model, [(ids, sampling(0, temperature=0.0))])[0]
    best = training_logits(model, ids + completion.token_ids).argmax(-1)
    assert completion.token_ids == best[len(ids) - 1 : -1].tolist()


def test_a_session_goes_on_from_its_cache_with_the_same_result(model):
    """Two turns with the cache kept on the device, or moved to the host in between: the same bits."""
    first, tool_result = prompts(2, seed=5)
    others = prompts(8, seed=6)

    async def two_turns(evict: bool):
        engine = JaxEngine(model, SIZE)
        one = await engine.generate(first[:20], sampling(1, max_tokens=6), session="a")
        if evict:
            await asyncio.gather(
                *(engine.generate(o, sampling(9), session=f"o{i}") for i, o in enumerate(others))
            )
        return await engine.generate(first[:20] + one.token_ids + tool_result[:20], sampling(2), session="a")

    assert asyncio.run(two_turns(evict=False)) == asyncio.run(two_turns(evict=True))


def test_a_groups_prompt_is_prefilled_once(model, monkeypatch):
    fed = []
    prefill = engine_module.prefill_chunk
    monkeypatch.setattr(
        engine_module,
        "prefill_chunk",
        lambda *a: fed.append(int((np.asarray(a[5]) >= 0).sum())) or prefill(*a),
    )
    prompt = [random.Random(1).randrange(61) for _ in range(64)]
    group = generate(model, [(prompt, sampling(i)) for i in range(4)])
    assert sum(fed) == 63
    assert group == [generate(model, [(prompt, sampling(i))])[0] for i in range(4)]


def test_stops_at_a_stop_id_the_token_limit_and_the_context(model):
    ids = prompts(1)[0]
    long = generate(model, [(ids, sampling(0, stop_ids=(), max_tokens=9))])[0]
    assert len(long.token_ids) == 9
    assert not long.finished
    stop = long.token_ids[5]
    stopped = generate(model, [(ids, sampling(0, stop_ids=(stop,), max_tokens=9))])[0]
    assert stopped.finished
    assert stopped.token_ids == long.token_ids[: long.token_ids.index(stop) + 1]
    full = generate(model, [([1] * 90, sampling(0, stop_ids=(), max_tokens=50))])[0]
    assert len(full.token_ids) == SIZE.context - 90
    with pytest.raises(ContextOverflow, match="96 tokens does not fit"):
        generate(model, [([1] * 96, sampling(0))])


def test_new_weights_take_effect_and_carry_their_version(model):
    ids = prompts(1)[0]
    changed = jax.tree.map(lambda leaf: leaf * 1.5, nnx.to_pure_dict(nnx.state(model)))

    async def run():
        engine = JaxEngine(model, SIZE)
        before = await engine.generate(ids, sampling(0), session="s")
        engine.push(changed, 7)
        return before, await engine.generate(ids, sampling(0), session="s")

    before, after = asyncio.run(run())
    assert (before.weight_versions[-1], after.weight_versions[0]) == (0, 7)
    assert before.logprobs != after.logprobs
    other = Transformer(CONFIG, rngs=nnx.Rngs(1))
    nnx.update(other, changed)
    assert after.logprobs == generate(other, [(ids, sampling(0))])[0].logprobs


def test_a_cancelled_request_frees_its_slot(model):
    async def run():
        engine = JaxEngine(model, SIZE)
        tasks = [
            asyncio.create_task(engine.generate([1, 2], sampling(0, stop_ids=(), max_tokens=80)))
            for _ in range(4)
        ]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        return await asyncio.wait_for(engine.generate([4, 5], sampling(1)), 30)

    assert asyncio.run(run()) == generate(model, [([4, 5], sampling(1))])[0]


def endless(seed: int) -> Sampling:
    return sampling(seed, stop_ids=(), max_tokens=80)


@pytest.fixture
def dispatches(monkeypatch) -> list[float]:
    """Makes the device slow enough to be interrupted, and lists when it began to decode."""
    began: list[float] = []
    decode = engine_module.decode_steps

    def slowly(*arguments):
        began.append(time.monotonic())
        time.sleep(0.02)
        return decode(*arguments)

    monkeypatch.setattr(engine_module, "decode_steps", slowly)
    return began


async def until_decoding(dispatches: list[float]) -> None:
    seen = len(dispatches)
    while len(dispatches) < seen + 2:
        await asyncio.sleep(0.001)


async def start(engine: JaxEngine, dispatches: list[float], count: int) -> list[asyncio.Task]:
    """Requests that are at work, some of them waiting for a slot."""
    tasks = [
        asyncio.create_task(engine.generate([1, 2], endless(i), session=f"gone {i}")) for i in range(count)
    ]
    await until_decoding(dispatches)
    return tasks


def test_weights_change_right_after_a_request_was_cancelled(model, dispatches):
    """As when an episode's deadline passes: what the device still computes is of the old weights, and is dropped."""
    ids = prompts(1)[0]
    changed = jax.tree.map(lambda leaf: leaf * 1.5, nnx.to_pure_dict(nnx.state(model)))

    async def run():
        engine = JaxEngine(model, SIZE)
        tasks = await start(engine, dispatches, 6)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        engine.push(changed, 1)
        return await asyncio.gather(*(engine.generate(ids, sampling(i)) for i in range(5)))

    async def fresh():
        engine = JaxEngine(model, SIZE)
        engine.push(changed, 1)
        return await asyncio.gather(*(engine.generate(ids, sampling(i)) for i in range(5)))

    assert asyncio.run(run()) == asyncio.run(fresh())


def test_weights_do_not_change_under_a_request(model, dispatches):
    async def run():
        engine = JaxEngine(model, SIZE)
        (task,) = await start(engine, dispatches, 1)
        with pytest.raises(RuntimeError, match="while requests are being generated"):
            engine.push(None, 1)
        return await task

    assert asyncio.run(run()) == generate(model, [([1, 2], endless(0))])[0]


def test_an_engine_outlives_the_event_loop_that_was_stopped_under_it(model, dispatches):
    engine = JaxEngine(model, SIZE)

    async def stopped():
        await start(engine, dispatches, 6)  # more than there are slots

    async def after():
        requests = [(ids, sampling(i)) for i, ids in enumerate(prompts(6))]
        return await asyncio.wait_for(asyncio.gather(*(engine.generate(*r) for r in requests)), 60)

    for _ in range(2):
        asyncio.run(stopped())
        assert asyncio.run(after()) == generate(
            model, [(ids, sampling(i)) for i, ids in enumerate(prompts(6))]
        )


def test_a_session_released_while_it_is_generated_is_forgotten(model, dispatches):
    async def run():
        engine = JaxEngine(model, SIZE)
        for i, task in enumerate(await start(engine, dispatches, 4)):
            task.cancel()
            engine.release(f"gone {i}")
        for i in range(6):
            await engine.generate([3, 4, 5], sampling(i), session=f"here {i}")
        return {slot.session for slot in engine._slots.all} | engine._slots.parked.keys()

    assert {name.split()[0] for name in asyncio.run(run())} == {"here"}


def test_every_waiter_hears_of_a_failure_of_the_device_once(model, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory")

    unheard = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        engine = JaxEngine(model, SIZE)
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "decode_steps", fail)
            waiters = (engine.generate(ids, sampling(i)) for i, ids in enumerate(prompts(9)))
            heard = await asyncio.wait_for(asyncio.gather(*waiters, return_exceptions=True), 60)
        again = await asyncio.wait_for(engine.generate([1, 2], sampling(0)), 60)
        del engine
        gc.collect()
        return heard, again

    heard, again = asyncio.run(run())
    assert [str(error) for error in heard] == ["out of memory"] * 9
    assert again == generate(model, [([1, 2], sampling(0))])[0]
    assert unheard == []


def test_a_dispatch_that_failed_and_took_the_cache_with_it_leaves_an_engine_that_is_right(model, monkeypatch):
    def fail(graph, weights, cache, *_):
        jax.tree.map(lambda leaf: leaf.delete(), cache)
        raise RuntimeError("out of memory")

    prompt = list(range(1, 40))

    async def run():
        engine = JaxEngine(model, SIZE)
        await engine.generate(prompt[:20], sampling(0))
        with monkeypatch.context() as patch:
            patch.setattr(engine_module, "prefill_chunk", fail)
            with pytest.raises(RuntimeError, match="out of memory"):
                await engine.generate(prompt, sampling(1), session="a")
        return await asyncio.wait_for(engine.generate(prompt, sampling(1), session="a"), 60)

    assert asyncio.run(run()) == generate(model, [(prompt, sampling(1))])[0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"max_tokens": 0}, "max_tokens is 0"), ({"stop_ids": (1, 2, 3, 4, 5)}, "5 stop ids given")],
)
def test_a_request_that_cannot_be_met_is_refused(model, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        generate(model, [([1, 2], sampling(0, **changes))])


LONG = EngineSize(slots=3, context=600, prefill_tokens=128, prefill_tail=16, decode_tokens=4)


def generate_long(model: Transformer, requests: list[tuple[list[int], Sampling]]) -> list[Completion]:
    async def run():
        engine = JaxEngine(model, LONG)
        return await asyncio.gather(*(engine.generate(ids, s) for ids, s in requests))

    return asyncio.run(run())


def test_neighbours_that_reach_further_into_the_cache_change_no_bit(model):
    """Prompts of one block of the cache beside prompts of three, and chunks of both widths."""
    rng = random.Random(3)
    lengths = (5, 30, 200, 300, 490, 560)
    requests = [([rng.randrange(61) for _ in range(n)], sampling(n, stop_ids=())) for n in lengths]
    together = generate_long(model, requests)
    assert together == generate_long(model, requests[::-1])[::-1]
    assert together == [generate_long(model, [request])[0] for request in requests]


def test_a_shared_beginning_is_copied_only_where_it_was_read_in_the_same_chunks(model):
    rng = random.Random(4)
    start = [rng.randrange(61) for _ in range(300)]
    requests = [
        (start[:n] + [1] * m, sampling(n)) for n, m in ((300, 9), (300, 0), (150, 0), (20, 3), (300, 9))
    ]
    assert generate_long(model, requests) == [generate_long(model, [request])[0] for request in requests]


def test_a_session_that_waits_keeps_the_blocks_that_it_has_reached_and_no_more(model):
    """A long and a short session take turns in one slot of three blocks, each as if it had the slot alone."""
    rng = random.Random(5)
    start = {name: [rng.randrange(61) for _ in range(n)] for name, n in (("long", 300), ("short", 40))}

    async def turns(*names: str):
        engine, kept = JaxEngine(model, replace(LONG, slots=1)), []
        said: dict[str, list[Completion]] = {name: [] for name in names}
        for turn in range(3):
            for name in names:
                prompt, sampled = start[name] + [turn] * 5 * turn, sampling(turn, max_tokens=4, stop_ids=())
                said[name].append(await engine.generate(prompt, sampled, session=name))
                parked = engine._slots.parked.items()
                kept.append({other: len(p.row.layers[0].blocks) for other, p in parked})
        return said, kept

    together, kept = asyncio.run(turns("long", "short"))
    assert together == asyncio.run(turns("long"))[0] | asyncio.run(turns("short"))[0]
    assert kept[1:] == [{"long": 2}, {"short": 1}] * 2 + [{"long": 2}]


def test_a_session_whose_cache_was_dropped_is_read_again_to_the_same_bits(model):
    """Three turns, with the cache kept, or lost in between: drawn tokens are read one at a time, as they were drawn."""
    first, second, third, *others = prompts(10, seed=8)

    async def turns(parked: int):
        engine = JaxEngine(model, EngineSize(**{**vars(SIZE), "parked": parked}))
        ids, said = first[:20], []
        for turn, result in enumerate((second[:11], third[:5], [])):
            said.append(await engine.generate(ids, sampling(turn, max_tokens=6), session="a"))
            ids = ids + said[-1].token_ids + result
            if parked < 9:
                await asyncio.gather(
                    *(engine.generate(o, sampling(9), session=f"{turn}{i}") for i, o in enumerate(others))
                )
                assert engine._slots.parked["a"].row is None
        return said

    assert asyncio.run(turns(parked=9)) == asyncio.run(turns(parked=0))
