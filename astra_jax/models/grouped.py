"""Products of rows with the matrices of their groups: by XLA, or on a TPU by a Pallas kernel (megablox).

The kernel goes over the rows of groups alone. XLA's TPU compiler multiplies all rows with all matrices.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.experimental.pallas.ops.tpu.megablox.ops import gmm

from astra_jax.sharding import platform

_ROWS, _TILE = 512, 1024  # the most of rows, and of a matrix's side, in fast memory at one time
LANES = 128


def grouped_product(
    rows_rxD: jax.Array, matrices_ExDxF: jax.Array, sizes_E: jax.Array, *, kernel: str = "auto"
) -> jax.Array:
    """Each row times the matrix of its group: the first `sizes_E[0]` rows are of group 0, and so on. Returns [r, F].

    Rows past the groups yield anything, even what is no number, and so do their gradients.

    Args:
        kernel: `xla`, `megablox`, `interpret` (megablox without a TPU, slow), or `auto`: megablox on a TPU.
    """
    if kernel == "auto":
        kernel = "megablox" if platform() == "tpu" else "xla"
    if kernel == "xla":
        return jax.lax.ragged_dot(rows_rxD, matrices_ExDxF, sizes_E)
    r = rows_rxD.shape[0]
    padded = jnp.pad(rows_rxD, [(0, -r % min(_ROWS, r + -r % LANES)), (0, 0)])
    interpret = kernel == "interpret"
    return gmm(padded, matrices_ExDxF, sizes_E, rows_rxD.dtype, _tiling, None, None, False, interpret)[:r]


def _tiling(rows: int, inputs: int, outputs: int) -> tuple[int, int, int]:
    return min(_ROWS, rows), _tile(inputs), _tile(outputs)


def _tile(side: int) -> int:
    """The largest multiple of 128 up to 1,024 that divides a side; the side itself where none does."""
    return max((n for n in range(LANES, _TILE + 1, LANES) if side % n == 0), default=side)
