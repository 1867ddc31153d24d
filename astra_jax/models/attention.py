"""Attention behind two functions: over packed rows (training) and over a cache (generation).

The model knows nothing else about attention, so a kernel for another device replaces a body here.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

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
    segment or k's segment is q's parent (0: no parent).
    """
    index = jnp.arange(q_BxTxNxH.shape[1])
    causal_TxT = index[:, None] >= index[None, :]
    segment_Bx1xT = segment_ids_BxT[:, None, :]
    own = segment_ids_BxT[:, :, None] == segment_Bx1xT
    parent = (parent_ids_BxT[:, :, None] == segment_Bx1xT) & (parent_ids_BxT[:, :, None] != 0)
    return _attend(q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, causal_TxT & (own | parent))


def cached_attention(
    q_BxTxNxH: jax.Array, k_BxSxKxH: jax.Array, v_BxSxKxH: jax.Array, positions_BxT: jax.Array
) -> jax.Array:
    """Attention over a cache whose entry s holds position s: a token sees entries up to its own position."""
    visible_BxTxS = jnp.arange(k_BxSxKxH.shape[1]) <= positions_BxT[:, :, None]
    return _attend(q_BxTxNxH, k_BxSxKxH, v_BxSxKxH, visible_BxTxS)


def _attend(q: jax.Array, k: jax.Array, v: jax.Array, visible_BxTxS: jax.Array) -> jax.Array:
    B, T, N, H = q.shape
    K = k.shape[2]
    q_BxTxKxGxH = q.reshape(B, T, K, N // K, H)
    scores = jnp.einsum("btkgh,bskh->bkgts", q_BxTxKxGxH, k, preferred_element_type=jnp.float32)
    scores = jnp.where(visible_BxTxS[:, None, None], scores * H**-0.5, MASKED)
    weights = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
    return jnp.einsum("bkgts,bskh->btkgh", weights, v).reshape(B, T, N, H)
