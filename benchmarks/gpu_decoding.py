"""Decoding Qwen3-4B's shape on one GPU, against the time in which the GPU's memory can be read.

`python -m benchmarks.gpu_decoding [--json FILE]`, two minutes on an H200; without a GPU that the table below names it
measures nothing. Random weights in bfloat16; 64 requests draw 288 tokens each, all at once, of which the last 256
count: the time of drawing 32 is taken away. A step must read all weights, and the keys and values of what each request
has so far: their bytes over the vendor's bandwidth are the bound. What it does not show: requests that come and go,
tools, several GPUs.
"""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import replace

import jax
import numpy as np
from flax import nnx

from astra_jax.inference import engine as engine_module
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.models import Transformer
from astra_jax.planning.shapes import preset
from benchmarks.clock import Clock
from benchmarks.generation import sampling, timed
from benchmarks.reporting import Figure, main

BANDWIDTH = {"NVIDIA H200": 4.8e12, "NVIDIA H100 80GB HBM3": 3.35e12}  # bytes a second, of the data sheets
SHAPE = replace(preset("qwen3_4b"), param_dtype="bfloat16", compute_dtype="bfloat16")
REQUESTS, PROMPTS, FIRST, OUTPUT = 64, (512, 2048), 32, 256  # tokens; the first of an output are not counted
SIZE = EngineSize(slots=REQUESTS, context=2560, prefill_rows=8, prefill_tokens=512, decode_tokens=FIRST)
REPEATS = 3


def step_bytes(weights: int, prompt: int) -> float:
    """What a step reads on average: weights of two bytes, and of each entry of a cache a key and a value of as many."""
    entry = 2 * 2 * SHAPE.num_layers * SHAPE.num_kv_heads * SHAPE.head_dim
    return 2.0 * weights + entry * REQUESTS * (prompt + FIRST + (OUTPUT - 1) / 2)


def seconds(engine: JaxEngine, prompt: int, output: int) -> float:
    """Of all requests, from prompts that no cache has."""
    prompts = np.random.default_rng(0).integers(0, SHAPE.vocab_size, (REQUESTS, prompt)).tolist()

    async def everything() -> None:
        await asyncio.gather(*(engine.generate(ids, sampling(output, i)) for i, ids in enumerate(prompts)))

    engine.flush()
    return timed(lambda: asyncio.run(everything()))


def step_times(engine: JaxEngine, prompt: int) -> tuple[float, float]:
    """Seconds of a step by the wall, and those of them in which the device decodes: medians."""
    seconds(engine, prompt, FIRST)  # compiles
    clock, walls, busy = Clock(), [], []
    with clock.watching(engine_module, "decode_steps"):
        for _ in range(REPEATS):
            taken = []
            for output in (FIRST, FIRST + OUTPUT):
                before = clock.busy_s
                taken.append((seconds(engine, prompt, output), clock.busy_s - before))
            walls.append(taken[1][0] - taken[0][0])
            busy.append(taken[1][1] - taken[0][1])
    return statistics.median(walls) / OUTPUT, statistics.median(busy) / OUTPUT


def measure() -> list[Figure]:
    kind = jax.devices()[0].device_kind
    if kind not in BANDWIDTH:
        print(f"{kind}: none of {', '.join(BANDWIDTH)}, so nothing is measured")
        return []
    model = Transformer(SHAPE, rngs=nnx.Rngs(0))
    weights = sum(x.size for x in jax.tree.leaves(nnx.state(model, nnx.Param)))
    engine = JaxEngine(model, SIZE)
    del model
    figures = []
    for prompt in PROMPTS:
        bound = step_bytes(weights, prompt) / BANDWIDTH[kind]
        wall, busy = step_times(engine, prompt)
        what = f"{kind}, {REQUESTS} requests after {prompt:,} tokens"
        share, against = 100 * bound / wall, "reading memory"
        figures += [
            Figure(f"{what}: output", REQUESTS / wall, "tokens/s"),
            Figure(f"{what}: bound of a step", 1e3 * bound, "ms"),
            Figure(f"{what}: share of the bound, on the device", 100 * bound / busy, "%", against),
            Figure(f"{what}: share of the bound", share, "%", against, "at least 60", share >= 60),
        ]
    return figures


if __name__ == "__main__":
    main("Decoding of Qwen3-4B's shape in bfloat16", measure)
