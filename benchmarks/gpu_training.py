"""SFT of Qwen3-4B's shape on one GPU: the share of its arithmetic that a step uses (MFU), and its memory.

`python -m benchmarks.gpu_training [--json FILE]`, three minutes on an H200; without a GPU whose peak is known it
measures nothing. All weights are trained by AdamW, in float32, products in bfloat16; an update has rows of 8,192
tokens, each one sample. FLOPs are counted as in `training.flops`: what is computed again does not count.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from flax import nnx

from astra_jax.models import Transformer, abstract_model
from astra_jax.planning.shapes import preset
from astra_jax.sharding import make_mesh
from astra_jax.training.batch import place as place_batch
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import TrainState, abstract_state, computed_dtypes, split_model
from astra_jax.training.step import make_train_step
from astra_jax.training.utilisation import PEAK_TFLOPS, Utilisation
from benchmarks.generation import timed
from benchmarks.reporting import Figure, main

SHAPE = replace(preset("qwen3_4b"), compute_dtype="bfloat16", remat="products")
ROWS, LENGTH, CHUNK = 4, 8192, 1024
REPEATS = 5


def runner() -> tuple[Callable[[], object], float, float]:
    """An update, its FLOPs, and the bytes that its compiled program needs at most."""
    mesh = make_mesh(devices=jax.devices()[:1])
    model = abstract_model(SHAPE)
    graph, _ = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(1e-5), 1000, model)
    shardings = jax.tree.map(lambda x: x.sharding, abstract_state(model, optimizer.transform, mesh))

    def draw() -> TrainState:
        params = split_model(Transformer(SHAPE, rngs=nnx.Rngs(0)))[1]
        return TrainState.create(params, optimizer.transform)

    rng = np.random.default_rng(0)
    samples = [Sample(rng.integers(0, SHAPE.vocab_size, LENGTH), np.ones(LENGTH)) for _ in range(ROWS)]
    batch = pack([single(sample) for sample in samples], LENGTH, ROWS)
    with jax.set_mesh(mesh):
        state, placed = jax.jit(draw, out_shardings=shardings)(), place_batch(batch, mesh)
        step = make_train_step(
            graph,
            optimizer,
            partial(cross_entropy, chunk=CHUNK),
            micro_batches=ROWS,
            shardings=shardings,
            dtypes=computed_dtypes(model),
        )
        compiled = step.lower(state, placed).compile()
    holder = [state]

    def run() -> object:
        with jax.set_mesh(mesh):
            holder[0], metrics = compiled(holder[0], placed)
        return jax.device_get(metrics["loss"])

    memory = compiled.memory_analysis()
    planned = memory.argument_size_in_bytes + memory.temp_size_in_bytes
    return run, Utilisation.of(model, jax.devices()[:1]).flops(batch), float(planned)


def measure() -> list[Figure]:
    device = jax.devices()[0]
    peak = PEAK_TFLOPS.get(device.device_kind)
    if device.platform != "gpu" or not peak:
        print(f"{device.device_kind}: not a GPU whose peak is known, so nothing is measured")
        return []
    run, flops, planned = runner()
    run()
    second = statistics.median(timed(run) for _ in range(REPEATS))
    mfu, used = flops / second / peak / 1e10, device.memory_stats()["peak_bytes_in_use"]
    off = 100 * abs(planned / used - 1)
    what = f"SFT of Qwen3-4B, {ROWS} rows of {LENGTH:,} tokens, {device.device_kind}"
    return [
        Figure(what, ROWS * LENGTH / second, "tokens/s"),
        Figure(f"{what}: MFU", mfu, "%", "the data sheet's peak", "at least 45", mfu >= 45),
        Figure(f"{what}: memory used", used / 2**30, "GiB"),
        Figure(f"{what}: the compiler's plan is off by", off, "%", "memory used", "at most 10", off <= 10),
    ]


if __name__ == "__main__":
    main("SFT on a GPU", measure)
