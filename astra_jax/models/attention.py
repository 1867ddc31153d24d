"""Attention behind two functions: over packed rows (training) and over a cache (generation).

The model knows nothing else about attention. Over a mesh every device attends with its own rows and heads; where rows
are split over a `context` axis, it has some of a row's queries and fetches all keys and values of the row, which are
few by grouped heads. Which queries it has is `sharding.row_order`: the work under a causal mask is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from astra_jax.models.block_sparse import block_sparse_attention
from astra_jax.models.cache import CACHE_AXES, Block, LayerCache
from astra_jax.models.cudnn import cudnn_attention, fits_cudnn
from astra_jax.models.flash_decoding import fits_tiles, flash_decoding
from astra_jax.models.online_softmax import OnlineSoftmax
from astra_jax.models.paged import fits_pages, paged_attention
from astra_jax.models.ragged import fits_rows, ragged_attention
from astra_jax.models.rows import Rows, Scores
from astra_jax.models.splash import kernel_spec, splash_attention, splash_kernel
from astra_jax.sharding import device_cores, partition_spec, parts_of_rows, platform, row_order

# (q, k, v, rows of q, rows of k, kernel) -> heads
_Attend = Callable[[jax.Array, jax.Array, jax.Array, Rows, Rows, Any], jax.Array]


def packed_attention(
    q_BxTxNxH: jax.Array,
    k_BxTxKxH: jax.Array,
    v_BxTxKxH: jax.Array,
    rows: Rows,
    scores: Scores,
    sliding: bool | jax.Array = False,
    *,
    kernel: str = "auto",
) -> jax.Array:
    """Attention over packed rows, as `Rows` says who sees whom. Returns [B, T, N, H].

    What padding (segment 0) yields is finite, no more.

    Args:
        sliding: whether tokens see a window only. An array where layers of one loop differ.
        kernel: `xla`; `splash`, or `interpret` (splash without a TPU, slow), where no segment has a parent; `cudnn`
            (half precision, heads of up to 128), or `masked` (the same without a GPU); `auto`: splash on a TPU and
            cuDNN on a GPU where they can, else `xla`.
    """
    if kernel == "auto":
        kernel = _kernel_of_rows(q_BxTxNxH, rows)
    if kernel == "xla":

        def attend(q: Any, k: Any, v: Any, q_rows: Rows, k_rows: Rows, sliding: Any) -> jax.Array:
            return block_sparse_attention(q, k, v, q_rows, k_rows, scores, sliding)

        return _over_mesh(attend, sliding, q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, rows)

    if kernel in ("cudnn", "masked"):

        def attend_masked(q: Any, k: Any, v: Any, q_rows: Rows, k_rows: Rows, sliding: Any) -> jax.Array:
            implementation = "cudnn" if kernel == "cudnn" else "xla"
            return cudnn_attention(q, k, v, q_rows, k_rows, scores, sliding, implementation)

        return _over_mesh(attend_masked, sliding, q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, rows)

    def splash(slides: bool) -> jax.Array:
        T, N = q_BxTxNxH.shape[1:3]
        parts = parts_of_rows()
        made = splash_kernel(row_order(T, parts), parts, T, N, scores, slides, kernel == "interpret")

        def attend(q: Any, k: Any, v: Any, q_rows: Rows, k_rows: Rows, made: Any) -> jax.Array:
            return splash_attention(made, q, k, v, q_rows, k_rows, scores)

        return _over_mesh(attend, made, q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, rows)

    if isinstance(sliding, bool):
        return splash(sliding)
    return jax.lax.cond(sliding, lambda: splash(True), lambda: splash(False))


def _kernel_of_rows(q_BxTxNxH: jax.Array, rows: Rows) -> str:
    """That of the device, where it can go over the rows."""
    if platform() == "tpu" and rows.parents is None:
        return "splash"
    return "cudnn" if platform() == "gpu" and fits_cudnn(q_BxTxNxH) else "xla"


def _over_mesh(attend: _Attend, made: Any, q: jax.Array, k: jax.Array, v: jax.Array, rows: Rows) -> jax.Array:
    """Calls `attend` on each device of the mesh with its queries, and the keys of their whole rows in order."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return attend(q, k, v, rows, rows, made)
    parts = parts_of_rows(mesh)

    def local(q: Any, k: Any, v: Any, q_rows: Rows, made: Any) -> jax.Array:
        if parts == 1:
            return attend(q, k, v, q_rows, q_rows, made)
        k, v, k_rows = jax.tree.map(partial(_whole_rows, parts=parts), (k, v, q_rows))
        return attend(q, k, v, q_rows, k_rows, made)

    q_spec = partition_spec(mesh, ("batch", "time", "heads", "head_dim"), q.shape, name="queries")
    k_spec = partition_spec(mesh, ("batch", "time", "kv_heads", "head_dim"), k.shape, name="keys")
    rows_spec = PartitionSpec(*q_spec[:2])
    specs = (q_spec, k_spec, k_spec, rows_spec, kernel_spec(made, mesh))
    # Kernels do not say over which axes their results vary.
    return jax.shard_map(local, in_specs=specs, out_specs=q_spec, check_vma=False)(q, k, v, rows, made)


def _whole_rows(x_BxTx: jax.Array, parts: int) -> jax.Array:
    """All pieces of the rows that `context` shares, in the order of their tokens."""
    gathered = jax.lax.all_gather(x_BxTx, "context", axis=1, tiled=True)
    length = gathered.shape[1]
    piece = length // (2 * parts)
    starts = np.argsort(row_order(length, parts)[::piece])
    pieces = [gathered[:, i * piece : (i + 1) * piece] for i in starts]
    return jnp.concatenate(pieces, axis=1)


def cached_attention(
    q_BxTxNxH: jax.Array,
    k_BxTxKxH: jax.Array,
    v_BxTxKxH: jax.Array,
    cache: LayerCache,
    positions_BxT: jax.Array,
    scores: Scores,
    sliding: bool = False,
    row_B: jax.Array | None = None,
    *,
    kernel: str = "auto",
) -> tuple[jax.Array, LayerCache]:
    """Writes tokens into a cache and attends from them: a token sees entries up to its own position.

    A row's result is the same bits whatever the other rows are: what a row does not reach is not read for it, or where
    XLA reads a block because of another row, adds zeros to its sums.

    Args:
        positions_BxT, row_B: as in `LayerCache.write`.
        kernel: `xla`; for one token of every row `ragged` (CPU), `paged` (TPU), of a cache that `fits_pages`, or
            `flash` (GPU), of one that `fits_tiles`, or `interpret` (flash without a GPU, slow); `auto`: the device's
            kernel where it can and `ragged` where it `fits_rows`, else `xla`.

    Returns:
        heads [B, T, N, H], finite for a token at position -1, and the cache with the new entries.
    """
    if kernel == "auto":
        kernel = _kernel_of_cache(cache) if q_BxTxNxH.shape[1] == 1 and row_B is None else "xla"
    if kernel == "xla":
        cache = cache.write(k_BxTxKxH, v_BxTxKxH, positions_BxT, row_B)
        return _read(q_BxTxNxH, cache, positions_BxT, scores, sliding, row_B), cache
    if kernel == "ragged":
        step = partial(ragged_attention, scores=scores, sliding=sliding)
    elif kernel == "paged":
        step = partial(paged_attention, scores=scores, sliding=sliding, cores=device_cores())
    else:
        step = partial(flash_decoding, scores=scores, sliding=sliding, interpret=kernel == "interpret")
    return _by_kernel(step, q_BxTxNxH, k_BxTxKxH, v_BxTxKxH, cache, positions_BxT)


def _kernel_of_cache(cache: LayerCache) -> str:
    """That of the device for a decoding step, where it can go over the cache."""
    kernels = (("cpu", "ragged", fits_rows), ("tpu", "paged", fits_pages), ("gpu", "flash", fits_tiles))
    return next((name for device, name, fits in kernels if device == platform() and fits(cache)), "xla")


def _by_kernel(
    step: Callable[..., tuple[jax.Array, LayerCache]],
    q_Bx1xNxH: jax.Array,
    k_Bx1xKxH: jax.Array,
    v_Bx1xKxH: jax.Array,
    cache: LayerCache,
    positions_Bx1: jax.Array,
) -> tuple[jax.Array, LayerCache]:
    """A decoding step by a kernel, on each device of the mesh with its rows and heads."""

    def local(q: Any, k: Any, v: Any, cache: LayerCache, positions: Any) -> tuple[jax.Array, LayerCache]:
        B, _, N, H = q.shape
        q_BxKxRxH = q.reshape(B, k.shape[2], -1, H)
        heads, cache = step(q_BxKxRxH, k[:, 0], v[:, 0], cache, positions[:, 0])
        return heads.reshape(B, 1, N, H), cache

    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return local(q_Bx1xNxH, k_Bx1xKxH, v_Bx1xKxH, cache, positions_Bx1)
    q_spec = partition_spec(mesh, ("batch", "step", "heads", "head_dim"), q_Bx1xNxH.shape, name="queries")
    k_spec = partition_spec(mesh, ("batch", "step", "kv_heads", "head_dim"), k_Bx1xKxH.shape, name="keys")
    of_cache = partition_spec(mesh, CACHE_AXES, cache.blocks[0].keys_BxKxHxS.shape, name="cache")
    specs = (q_spec, k_spec, k_spec, of_cache, PartitionSpec(q_spec[0]))
    # Kernels do not say over which axes their results vary.
    apart = jax.shard_map(local, in_specs=specs, out_specs=(q_spec, of_cache), check_vma=False)
    return apart(q_Bx1xNxH, k_Bx1xKxH, v_Bx1xKxH, cache, positions_Bx1)


def _read(
    q_BxTxNxH: jax.Array,
    cache: LayerCache,
    positions_BxT: jax.Array,
    scores: Scores,
    sliding: bool,
    row_B: jax.Array | None,
) -> jax.Array:
    """By XLA, block after block."""
    B, T, N, H = q_BxTxNxH.shape
    K = cache.blocks[0].keys_BxKxHxS.shape[1]
    # The query heads of a key head are rows of one matrix, R = T * G of them.
    q_BxKxRxH = q_BxTxNxH.reshape(B, T, K, N // K, H).swapaxes(1, 2).reshape(B, K, -1, H)
    position_BxR = jnp.repeat(positions_BxT, N // K, axis=1)
    last = positions_BxT.max()
    sums, start = OnlineSoftmax.of_nothing(q_BxKxRxH), 0
    for block in cache.blocks:
        see = partial(_see, q_BxKxRxH, position_BxR - start, scores, sliding, row_B)
        sums = see(sums, block) if start == 0 else jax.lax.cond(last >= start, see, _skip, sums, block)
        start += block.length
    heads = sums.weighted_xRxH / sums.total_xR[..., None]
    return heads.reshape(B, K, T, N // K, H).swapaxes(1, 2).reshape(B, T, N, H).astype(q_BxTxNxH.dtype)


def _skip(sums: OnlineSoftmax, block: Block) -> OnlineSoftmax:
    return sums


def _see(
    q_BxKxRxH: jax.Array,
    position_BxR: jax.Array,
    scores: Scores,
    sliding: bool,
    row_B: jax.Array | None,
    sums: OnlineSoftmax,
    block: Block,
) -> OnlineSoftmax:
    """Adds a block, from whose start positions are counted."""
    block = block.rows(row_B)
    distance_BxRxS = position_BxR[:, :, None] - jnp.arange(block.length)
    visible_BxRxS = distance_BxRxS >= 0
    if sliding:
        visible_BxRxS &= distance_BxRxS < scores.window
    return sums.see(q_BxKxRxH, block.keys_BxKxHxS, block.values_BxKxSxH, visible_BxRxS[:, None], scores.scale)
