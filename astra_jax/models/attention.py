"""Attention behind two functions: over packed rows (training) and over a cache (generation).

The model knows nothing else about attention, so a kernel for another device replaces a body here.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from astra_jax.models.block_sparse import MASKED, block_sparse_attention
from astra_jax.models.cache import LayerCache
from astra_jax.models.rows import Rows, Scores


def packed_attention(
    q_BxTxNxH: jax.Array,
    k_BxTxKxH: jax.Array,
    v_BxTxKxH: jax.Array,
    rows: Rows,
    scores: Scores,
    sliding: bool | jax.Array = False,
) -> jax.Array:
    """Attention over packed rows, as `Rows` says who sees whom. Returns [B, T, N, H].

    What padding (segment 0) yields is finite, no more.

    Args:
        sliding: whether tokens see a window only. An array where layers of one loop differ.
    """
    return block_sparse_attention(q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, rows, rows, scores, sliding)


def cached_attention(
    q_BxTxNxH: jax.Array, cache: LayerCache, positions_BxT: jax.Array, scores: Scores, sliding: bool = False
) -> jax.Array:
    """Attention over a cache: a token sees entries up to its own position. Returns [B, T, N, H]."""
    B, T, N, H = q_BxTxNxH.shape
    K, S = cache.values_BxKxSxH.shape[1:3]
    # The query heads of a key head are rows of one matrix, R = T * G of them.
    q_BxKxRxH = q_BxTxNxH.reshape(B, T, K, N // K, H).swapaxes(1, 2).reshape(B, K, -1, H)
    products = _product("bkrh,bkhs->bkrs", q_BxKxRxH, cache.keys_BxKxHxS) * scores.scale
    distance_BxTxS = positions_BxT[:, :, None] - jnp.arange(S)
    visible_BxTxS = distance_BxTxS >= 0
    if sliding:
        visible_BxTxS &= distance_BxTxS < scores.window
    visible_BxRxS = jnp.repeat(visible_BxTxS, N // K, axis=1)
    weights = jax.nn.softmax(jnp.where(visible_BxRxS[:, None], products, MASKED), axis=-1)
    heads = _product("bkrs,bksh->bkrh", weights.astype(q_BxTxNxH.dtype), cache.values_BxKxSxH)
    return heads.reshape(B, K, T, N // K, H).swapaxes(1, 2).reshape(B, T, N, H).astype(q_BxTxNxH.dtype)


_product = partial(jnp.einsum, preferred_element_type=jnp.float32)
