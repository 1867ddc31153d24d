"""Prompts that go on from an earlier one, without a session: what they begin with is copied, and changes no bit."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

import jax
import pytest
from flax import nnx

from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Completion, Sampling
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.request import Request
from astra_jax.models import ModelConfig, Transformer

V = 61
CONFIG = ModelConfig("qwen3", V, 32, 48, 2, 4, 2, 8, qk_norm=True, init_std=0.16)
SIZE = EngineSize(slots=3, context=192, prefill_tokens=16, prefill_tail=4, decode_tokens=4)
TURNS = 4


@pytest.fixture(scope="module")
def model() -> Transformer:
    return Transformer(CONFIG, rngs=nnx.Rngs(0))


class Agent:
    """Sends all of its conversation at each turn."""

    def __init__(self, seed: int):
        self._rng, self.seed, self.ids = random.Random(seed), seed, []
        self.requests: list[Request] = []

    async def turn(self, engine: JaxEngine | EnginePool) -> Completion:
        self.ids += [self._rng.randrange(V) for _ in range(20)]
        request = engine.submit(self.ids, Sampling(6, (), seed=self.seed + len(self.requests)))
        self.requests.append(request)
        completion = await request.done
        self.ids += completion.token_ids
        return completion


def play(
    model: Transformer, order: Sequence[int], size: EngineSize = SIZE
) -> tuple[list[Completion], list[int]]:
    """Each turn's completion, by the agents' numbers, and how much of its prompt a cache had."""
    agents = {number: Agent(number) for number in order}

    async def run():
        engine = JaxEngine(model, size)
        return [await asyncio.wait_for(agents[number].turn(engine), 60) for number in order]

    completions, turns = asyncio.run(run()), {number: iter(agents[number].requests) for number in order}
    return completions, [next(turns[number]).cached for number in order]


def whole_chunks(prompt: int) -> int:
    """All of a prompt but its last token, and what is read in narrow or partial chunks."""
    return (prompt - 1) // SIZE.prefill_tokens * SIZE.prefill_tokens


def test_each_turn_of_a_conversation_reads_what_is_new_and_draws_the_same_bits(model):
    order = [1] * TURNS
    completions, cached = play(model, order)
    fresh, nothing = play(model, order, replace(SIZE, shares_prompts=False))
    assert completions == fresh
    assert nothing == [0] * TURNS
    assert cached == [0, *(whole_chunks(20 + 26 * turn) for turn in range(TURNS - 1))]


def test_more_conversations_than_slots_draw_what_each_draws_alone(model):
    order = [number for turn in range(TURNS) for number in random.Random(turn).sample(range(5), 5)]
    completions, cached = play(model, order)
    for number in range(5):
        alone = play(model, [number] * TURNS)[0]
        assert [c for c, n in zip(completions, order, strict=True) if n == number] == alone
    assert sum(cached) > 0


def test_the_conversation_that_was_silent_longest_makes_room(model):
    """Three slots: the fourth conversation takes that of the first; the second and third go on from theirs."""
    assert [c > 0 for c in play(model, [1, 2, 3, 4, 2, 3, 1])[1]] == [False] * 4 + [True, True, False]


def test_turns_of_one_conversation_do_not_push_out_another(model):
    assert play(model, [1, 2, 3, *[2] * 5, *[3] * 5, 1])[1][-1] > 0


def test_conversations_with_one_beginning_keep_it_when_one_goes_on(model):
    """What the first reads after the beginning is not taken from it by the second, which shares the beginning alone."""

    async def run():
        engine, start = JaxEngine(model, SIZE), [1] * 40
        prompts = [[*start, *[n] * 40] for n in (2, 3)]
        requests = [
            engine.submit([*prompt, *more], Sampling(4, ())) for more in ([], [5] * 9) for prompt in prompts
        ]
        for request in requests:
            await request.done
        return [request.cached for request in requests]

    assert asyncio.run(run()) == [0, 32, 64, 64]


def test_new_weights_and_a_flush_forget_what_was_read(model):
    async def run():
        engine, agent = JaxEngine(model, SIZE), Agent(1)
        await agent.turn(engine)
        engine.flush()
        await agent.turn(engine)
        engine.push(nnx.to_pure_dict(nnx.state(model)), 1)
        await agent.turn(engine)
        await agent.turn(engine)
        return [request.cached for request in agent.requests]

    assert [cached > 0 for cached in asyncio.run(run())] == [False, False, False, True]


def test_of_several_engines_a_conversation_comes_back_to_the_one_that_read_it(model):
    async def run():
        pool = EnginePool([JaxEngine(model, SIZE, device) for device in jax.devices()[:1] * 2])
        agents = [Agent(number) for number in range(4)]
        for _ in range(TURNS):
            for agent in agents:
                await agent.turn(pool)
        together = [Agent(number) for number in range(10, 14)]
        await asyncio.gather(*(agent.turn(pool) for agent in together))
        return [request.cached for agent in agents for request in agent.requests], [
            engine.seated for engine in pool.engines
        ]

    cached, seated = asyncio.run(run())
    assert [n > 0 for n in cached] == [turn > 0 for _ in range(4) for turn in range(TURNS)]
    assert min(seated) >= 2  # what comes at once is spread
