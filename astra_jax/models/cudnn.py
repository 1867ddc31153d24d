"""Attention over packed rows by cuDNN's fused kernel (GPU, half precision). Who sees whom goes in as a mask.

The kernel reads the mask, T² bits of a row made numbers of its own type: 128 MiB for a row of 8,192 tokens. Rows
longer than `LONGEST` are attended to in blocks.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from astra_jax.models.rows import Rows, Scores

LONGEST = 8192  # tokens of a row


def fits_cudnn(q_BxTxNxH: jax.Array) -> bool:
    """Whether the kernel takes queries: half precision, heads of 8 to 128 by eights, rows of tiles of 64, and no longer
    than `LONGEST`."""
    _, T, _, H = q_BxTxNxH.shape
    half = q_BxTxNxH.dtype in (jnp.bfloat16, jnp.float16)
    return half and H <= 128 and H % 8 == 0 and T % 64 == 0 and T <= LONGEST


def cudnn_attention(
    q_BxTxNxH: jax.Array,
    k_BxSxKxH: jax.Array,
    v_BxSxKxH: jax.Array,
    q_rows: Rows,
    k_rows: Rows,
    scores: Scores,
    sliding: bool | jax.Array,
    implementation: Any = "cudnn",
) -> jax.Array:
    """As `attention.packed_attention`, of some queries over the keys of whole rows.

    Args:
        implementation: of `jax.nn.dot_product_attention`; `xla` takes the same mask on any machine.
    """
    visible_BxTxS = _visible(q_rows, k_rows, scores.reach(sliding))
    whole = (
        q_BxTxNxH.shape[1] == k_BxSxKxH.shape[1]
    )  # in the order of their tokens, so that blocks can be left out
    out_BxTxNxH = jax.nn.dot_product_attention(
        q_BxTxNxH,
        k_BxSxKxH,
        v_BxSxKxH,
        mask=visible_BxTxS[:, None],
        scale=scores.scale,
        is_causal=whole,
        implementation=implementation,
    )
    return checkpoint_name(out_BxTxNxH, "attention")


def _visible(q: Rows, k: Rows, reach: jax.Array) -> jax.Array:
    """Which keys the queries see, [B, T, S]."""

    def pairs(q_BxT: jax.Array, k_BxS: jax.Array) -> tuple[jax.Array, jax.Array]:
        return q_BxT[:, :, None], k_BxS[:, None, :]

    q_segments, k_segments = pairs(q.segments, k.segments)
    related = q_segments == k_segments
    if q.parents is not None:
        related |= (q.parents[:, :, None] == k_segments) & (q.parents[:, :, None] != 0)
    q_index, k_index = pairs(q.index, k.index)
    q_positions, k_positions = pairs(q.positions, k.positions)
    return (q_index >= k_index) & related & (q_positions - k_positions < reach)
