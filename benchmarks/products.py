"""What XLA's products with SmolLM2-135M's matrices reach on one core, against PyTorch's.

`python -m benchmarks.products [--json FILE]`, half a minute. Rows of activations times the matrices of the feed-forward
of all 30 layers, one after the other in float32, so that no weight is still in the cache when it is read again: few
rows are a decoding step, many a chunk of a prompt. As the engine multiplies them (`outputs_first_product`), and as
`x @ w`. By turns, each on the same core.
"""

from __future__ import annotations

import os
import statistics

import jax
import jax.numpy as jnp
import numpy as np
import torch

from astra_jax.models.outputs_first import outputs_first_product
from benchmarks.generation import SMOLLM2, timed
from benchmarks.reporting import Figure, main

ROWS = (8, 16, 32, 64, 256)
REPEATS = 7


def of_shape(inputs: int, outputs: int) -> list[Figure]:
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((outputs, inputs), np.float32) for _ in range(SMOLLM2.num_layers)]
    ours, theirs = [jnp.asarray(w) for w in weights], [torch.tensor(w) for w in weights]
    plain = [jnp.asarray(w.T.copy()) for w in weights]
    outputs_first_products = jax.jit(lambda x, weights: [outputs_first_product(x, w) for w in weights])
    plain_products = jax.jit(lambda x, weights: [x @ w for w in weights])

    def times(x: np.ndarray) -> tuple[float, float, float]:
        a, b = jnp.asarray(x), torch.tensor(x)
        return (
            timed(lambda: jax.block_until_ready(outputs_first_products(a, ours))),
            timed(lambda: [torch.nn.functional.linear(b, w) for w in theirs]),
            timed(lambda: jax.block_until_ready(plain_products(a, plain))),
        )

    figures = []
    for rows in ROWS:
        x = rng.standard_normal((rows, inputs), np.float32)
        times(x)  # compiles
        taken = [times(x) for _ in range(REPEATS)]
        seconds, numbers = statistics.median(a for a, *_ in taken), SMOLLM2.num_layers * inputs * outputs
        what = f"{rows} rows x [{inputs:,}, {outputs:,}]"
        figures += [
            Figure(what, 2 * rows * numbers / seconds / 1e9, "GFLOP/s"),
            Figure(f"{what}: weights read", 4 * numbers / seconds / 1e9, "GB/s"),
            Figure(f"{what}: ratio", statistics.median(b / a for a, b, _ in taken), "x", "PyTorch"),
            Figure(f"{what}: ratio to x @ w", statistics.median(c / a for a, _, c in taken), "x", "x @ w"),
        ]
    return figures


def measure() -> list[Figure]:
    torch.set_num_threads(1)
    D, F = SMOLLM2.hidden_size, SMOLLM2.ffn_size
    return of_shape(D, F) + of_shape(F, D)


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before any library starts its threads
    main("Products on one core", measure)
