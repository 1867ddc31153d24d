"""Tokens a second of the nano model on this machine: training and decoding, against simpler ways of doing the same.

`python -m benchmarks.model [--json FILE]`. Every pair is measured in turns, so that other work on the machine
falls on both; the figures are medians. What it does not show: a loss, an optimizer, sampling, or another device.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from astra_jax.models import ModelConfig, Transformer, init_cache, transformer
from astra_jax.sharding import make_mesh, named_sharding, shard_model
from benchmarks.reporting import Figure, main

NANO = ModelConfig(
    family="qwen3",
    vocab_size=2048,
    hidden_size=128,
    ffn_size=384,
    num_layers=4,
    num_heads=4,
    num_kv_heads=2,
    head_dim=32,
    qk_norm=True,
    remat="attention",
)
B, T, SEGMENT = 8, 1024, (150, 450)  # rows, tokens a row, shortest and longest segment
SLOTS, STEPS = 64, 16  # decoding: rows, tokens a dispatch
REPEATS = 7

Runner = Callable[[], object]


def packed_rows() -> tuple[np.ndarray, ...]:
    """Tokens, positions and segment ids [B, T] of rows full of segments of random lengths."""
    rng = np.random.default_rng(0)
    positions, segments = np.zeros((B, T), np.int32), np.zeros((B, T), np.int32)
    for row in range(B):
        start, segment = 0, 1
        while start < T:
            length = min(int(rng.integers(*SEGMENT)), T - start)
            segments[row, start : start + length] = segment
            positions[row, start : start + length] = np.arange(length)
            start, segment = start + length, segment + 1
    return rng.integers(0, NANO.vocab_size, (B, T)).astype(np.int32), positions, segments


def plain_attention(q, k, v, rows, scores, sliding):
    """The definition of packed attention, with the whole score matrix."""
    causal = rows.index[:, :, None] >= rows.index[:, None, :]
    visible = causal & (rows.segments[:, :, None] == rows.segments[:, None, :])
    return jax.nn.dot_product_attention(q, k, v, mask=visible[:, None])


def training(devices: int, rows: int, config: ModelConfig = NANO) -> Runner:
    """Forward and backward of the trunk over the batch, `rows` rows at a time."""
    mesh = make_mesh(devices=jax.devices()[:devices])
    model = Transformer(config, rngs=nnx.Rngs(0))
    shard_model(model, mesh)
    graph, state = nnx.split(model)

    def loss(state: nnx.State, part: tuple) -> jax.Array:
        return jnp.square(nnx.merge(graph, state)(*part)).sum()

    def step(state: nnx.State, parts: tuple) -> nnx.State:
        def add(total: nnx.State, part: tuple) -> tuple[nnx.State, None]:
            return jax.tree.map(jnp.add, total, jax.grad(loss)(state, part)), None

        return jax.lax.scan(add, jax.tree.map(jnp.zeros_like, state), parts)[0]

    with jax.set_mesh(mesh):
        parts = [x.reshape(B // rows, rows, T) for x in packed_rows()]
        place = named_sharding(mesh, ("layers", "batch", "time"), parts[0].shape, name="batch")
        parts = jax.device_put(tuple(parts), place)
        compiled = jax.jit(step).lower(state, parts).compile()
    return lambda: compiled(state, parts)


def decoding(devices: int, length: int) -> Runner:
    """`STEPS` greedy tokens for every slot over a cache of `length` positions."""
    mesh = make_mesh(devices=jax.devices()[:devices])
    model = Transformer(NANO, rngs=nnx.Rngs(0))
    shard_model(model, mesh)
    graph, state = nnx.split(model)

    @partial(jax.jit, donate_argnums=1)
    def run(state: nnx.State, cache: object, token: jax.Array, position: jax.Array) -> tuple:
        model = nnx.merge(graph, state).unstacked()

        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            token, position, cache = carry
            hidden, cache = model.extend(token, position, cache)
            return (model.logits(hidden).argmax(-1).astype(jnp.int32), position + 1, cache), None

        (token, _, cache), _ = jax.lax.scan(step, (token, position, cache), length=STEPS)
        return token, cache

    place = named_sharding(mesh, ("batch",), (SLOTS,), name="slots")
    caches = [jax.device_put(init_cache(NANO, SLOTS, length), place)]
    start = jax.device_put((np.ones((SLOTS, 1), np.int32), np.full((SLOTS, 1), 100, np.int32)), place)

    def once() -> jax.Array:
        with jax.set_mesh(mesh):
            token, caches[0] = run(state, caches[0], *start)
        return token

    return once


def seconds(runners: dict[str, Runner]) -> dict[str, float]:
    """The median time of each, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    for repeat in range(REPEATS + 1):
        for name, run in runners.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            if repeat:  # the first compiles or warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def measure() -> list[Figure]:
    runners = {"training": training(2, 4), "one device": training(1, 2), "whole batch": training(2, B)}
    runners["no remat"] = training(2, 4, replace(NANO, remat="none"))
    block_sparse = transformer.packed_attention
    transformer.packed_attention = plain_attention
    runners["plain attention"] = training(2, 4)
    transformer.packed_attention = block_sparse
    train = seconds(runners)
    decode = seconds({"512": decoding(2, 512), "512, one device": decoding(1, 512), "256": decoding(2, 256)})
    rate = {name: B * T / value for name, value in train.items()}
    steps = {name: 1e3 * value / STEPS for name, value in decode.items()}
    trunk = rate["training"]
    how = "2 CPU devices, 4 rows at a time, remat"
    figures = [Figure(f"training, trunk alone: {how}", trunk, "tokens/s", bar="15000", met=trunk > 15000)]
    for other in ("one device", "whole batch", "no remat", "plain attention"):
        figures.append(Figure(f"training, speed-up over {other}", trunk / rate[other], "x", other))
    how = f"{SLOTS} slots, cache of 512, 2 CPU devices"
    figures.append(Figure(f"decoding step: {how}", steps["512"], "ms"))
    for other in ("512, one device", "256"):
        figures.append(Figure(f"decoding step: cache of {other}", steps[other], "ms"))
    return figures


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    main("The nano model", measure)
