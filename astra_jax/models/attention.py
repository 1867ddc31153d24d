"""Attention behind two functions: over packed rows (training) and over a cache (generation).

The model knows nothing else about attention, so a kernel for another device replaces a body here.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from astra_jax.models.block_sparse import block_sparse_attention

MASKED = -1e30  # finite: a row that sees nothing must not become NaN


def packed_attention(
    q_BxTxNxH: jax.Array,
    k_BxTxKxH: jax.Array,
    v_BxTxKxH: jax.Array,
    segment_ids_BxT: jax.Array,
    parent_ids_BxT: jax.Array,
) -> jax.Array:
    """Causal attention within a segment, and from a segment to its parent (a prompt packed once).

    Returns [B, T, N, H]. Token q sees token k if k is not after q in the row and either both are of one
    segment or k's segment is q's parent (0: no parent). What padding (segment 0) yields is finite, no more.
    """
    return block_sparse_attention(q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, segment_ids_BxT, parent_ids_BxT)


def cached_attention(
    q_BxTxNxH: jax.Array, k_BxSxKxH: jax.Array, v_BxSxKxH: jax.Array, positions_BxT: jax.Array
) -> jax.Array:
    """Attention over a cache whose entry s holds position s: a token sees entries up to its own position."""
    B, T, N, H = q_BxTxNxH.shape
    S, K = k_BxSxKxH.shape[1:3]
    q_BxTxKxGxH = q_BxTxNxH.reshape(B, T, K, N // K, H)
    scores = jnp.einsum("btkgh,bskh->bkgts", q_BxTxKxGxH, k_BxSxKxH, preferred_element_type=jnp.float32)
    visible_BxTxS = jnp.arange(S) <= positions_BxT[:, :, None]
    scores = jnp.where(visible_BxTxS[:, None, None], scores * H**-0.5, MASKED)
    weights = jax.nn.softmax(scores, axis=-1).astype(v_BxSxKxH.dtype)
    return jnp.einsum("bkgts,bskh->btkgh", weights, v_BxSxKxH).reshape(B, T, N, H)
