"""Attention of a decoding step on a CPU: row after row, each over the tiles of the cache that its token sees.

XLA's batched products read whole blocks, of all rows as far as the longest reaches. Here a row costs what it has, and
one without a token nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from astra_jax.models.cache import Block, LayerCache
from astra_jax.models.online_softmax import OnlineSoftmax
from astra_jax.models.rows import Scores

# Entries that are read at one time: the best of 64, 128 and 256 for SmolLM2-135M.
TILE = 128
# Bytes of a row's tile up to which batched products are as fast: the nano model has half as many.
SMALL = 2**17


def fits_rows(cache: LayerCache) -> bool:
    """Whether rows are so large that each is worth a loop of its own."""
    keys_BxKxHxS = cache.blocks[0].keys_BxKxHxS
    _, K, H, _ = keys_BxKxHxS.shape
    return 2 * K * H * TILE * keys_BxKxHxS.dtype.itemsize > SMALL


def ragged_attention(
    q_BxKxRxH: jax.Array,
    k_BxKxH: jax.Array,
    v_BxKxH: jax.Array,
    cache: LayerCache,
    position_B: jax.Array,
    scores: Scores,
    sliding: bool,
) -> tuple[jax.Array, LayerCache]:
    """Writes a token of each slot and attends from it. Returns heads [B, K, R, H], and the cache.

    Args:
        q_BxKxRxH: R query heads for each key head.
        position_B: of the tokens; -1 is a slot without one, whose heads are zeros. One past the end is written nowhere.
    """
    cache = cache.write(k_BxKxH[:, None], v_BxKxH[:, None], position_B[:, None])
    window = scores.window if sliding else 0

    def attend(slot: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        row, q_KxRxH, position = slot
        sums, start = OnlineSoftmax.of_nothing(q_KxRxH), 0
        for block in cache.blocks:
            sums = _read(block, row, position - start, q_KxRxH, scores.scale, window, sums)
            start += block.length
        total_KxR = jnp.where(sums.total_xR > 0, sums.total_xR, 1)
        return (sums.weighted_xRxH / total_KxR[..., None]).astype(q_KxRxH.dtype)

    return jax.lax.map(attend, (jnp.arange(len(q_BxKxRxH)), q_BxKxRxH, position_B)), cache


def _read(
    block: Block,
    row: jax.Array,
    spot: jax.Array,
    q_KxRxH: jax.Array,
    scale: float,
    window: int,
    sums: OnlineSoftmax,
) -> OnlineSoftmax:
    """Adds a row's entries of a block up to `spot`, in a `window` if there is one."""
    size = min(TILE, block.length)

    def of_row(x: jax.Array, start: jax.Array, axis: int) -> jax.Array:
        starts, sizes = [row, 0, 0, 0], [1, *x.shape[1:]]
        starts[axis], sizes[axis] = start, size
        return jax.lax.dynamic_slice(x, starts, sizes)[0]

    def see(tile: jax.Array, sums: OnlineSoftmax) -> OnlineSoftmax:
        start = jnp.minimum(tile * size, block.length - size)  # the last tile may begin within the one before
        entry_S = start + jnp.arange(size)
        visible_S = (entry_S >= tile * size) & (entry_S <= spot)
        if window:
            visible_S &= entry_S > spot - window
        keys_KxHxS, values_KxSxH = (
            of_row(block.keys_BxKxHxS, start, 3),
            of_row(block.values_BxKxSxH, start, 2),
        )
        return sums.see(q_KxRxH, keys_KxHxS, values_KxSxH, visible_S, scale)

    tiles = -(-block.length // size)
    first: jax.Array | int = jnp.clip((spot - window + 1) // size, 0, tiles) if window else 0
    return jax.lax.fori_loop(first, jnp.clip((spot + size) // size, 0, tiles), see, sums)
