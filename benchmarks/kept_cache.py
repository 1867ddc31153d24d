"""Episodes of agents whose caches are kept while their tools run, against prompts that are read anew in every turn.

`python -m benchmarks.kept_cache [--json FILE]`, some 40 minutes on 2 cores, nearly all of them for the one turn of
SmolLM2-135M's shape. Weights are random, in float32. Both ways run one after the other, with the same tokens. What it
does not show: tools that take their time, or caches that have to make room.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

import jax
import numpy as np
from flax import nnx

from astra_jax.inference.engine import EngineSize
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.slots import Slots
from astra_jax.models import ModelConfig, Transformer
from benchmarks.generation import SMOLLM2, sampling, timed
from benchmarks.model import NANO
from benchmarks.reporting import Figure, main

EPISODES, TURNS, RESULT, REPLY = 32, 6, 300, 16  # tokens of a tool's result, and of a turn
QUESTION, TOOLS = 300, 2000  # tokens of a first prompt: a question alone, and with the tools that there are
CONTEXT = 4096


@dataclass(frozen=True)
class Played:
    wall_s: float
    turns_s: list[float]  # of each turn, its mean over the episodes


def play(engine: EnginePool, task: int, keep: bool, episodes: int = EPISODES) -> Played:
    """All episodes at once, whose tools answer at once."""
    seconds = np.zeros((episodes, TURNS))

    async def episode(number: int) -> None:
        rng = np.random.default_rng(number)
        ids = rng.integers(0, engine.config.vocab_size, task).tolist()
        for turn in range(TURNS):
            session = str(number) if keep else f"{number}/{turn}"
            start = time.perf_counter()
            drawn = (await engine.generate(ids, sampling(REPLY, turn), session=session)).token_ids
            seconds[number, turn] = time.perf_counter() - start
            ids = ids + drawn + rng.integers(0, engine.config.vocab_size, RESULT).tolist()
            if not keep or turn == TURNS - 1:
                engine.release(session)

    async def everything() -> None:
        await asyncio.gather(*map(episode, range(episodes)))

    shared = Slots._shared
    if not keep:
        Slots._shared = lambda *_: 0  # a prompt that was read before would be copied
    try:
        wall_s = timed(lambda: asyncio.run(everything()))
    finally:
        Slots._shared = shared
    engine.flush()
    return Played(wall_s, seconds.mean(0).tolist())


def pool(config: ModelConfig, devices: int) -> EnginePool:
    size = EngineSize(slots=EPISODES // devices, context=CONTEXT, prefill_rows=1)
    return EnginePool.on_each(Transformer(config, rngs=nnx.Rngs(0)), size, jax.devices()[:devices])


def gain(name: str, engine: EnginePool, task: int, repeats: int) -> list[Figure]:
    """What keeping saves, and how much longer the last turn takes than the second, which has as many new tokens."""
    for keep in (True, False):
        play(engine, task, keep, len(engine.engines))  # compiles
    turns = [(play(engine, task, True), play(engine, task, False)) for _ in range(repeats)]
    ratio = statistics.median(anew.wall_s / kept.wall_s for kept, anew in turns)
    kept_s = statistics.median(kept.wall_s for kept, _ in turns)
    later = [
        statistics.median(way.turns_s[-1] / way.turns_s[1] for way in ways)
        for ways in zip(*turns, strict=True)
    ]
    what = f"{name}: {EPISODES} episodes, {TURNS} turns, results of {RESULT} tokens after {task:,}"
    return [
        Figure(f"{what}: caches kept", kept_s, "s"),
        Figure(f"{what}: caches kept, ratio", ratio, "x", "prompts read anew", "at least 4", ratio >= 4),
        Figure(f"{what}: last turn, caches kept", later[0], "x", "second turn"),
        Figure(f"{what}: last turn, prompts read anew", later[1], "x", "second turn"),
    ]


def measure() -> list[Figure]:
    nano = pool(NANO, 1)
    figures = [figure for task in (QUESTION, TOOLS) for figure in gain("nano model", nano, task, 3)]
    return figures + gain("SmolLM2-135M", pool(SMOLLM2, 2), TOOLS, 1)


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main("Caches kept between turns", measure)
