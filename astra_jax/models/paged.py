"""Attention of a decoding step by a Pallas kernel (TPU), which reads the pages of each slot that hold what it sees.

A page is a piece of a block of the cache. The kernel goes over one list of pages, of one slot after the other, and
fetches a page into fast memory while it attends to the one before. It also writes the new tokens: XLA's scatter wants
the cache in another layout than a kernel, and would copy all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu

from astra_jax.models.block_sparse import MASKED
from astra_jax.models.cache import Block, LayerCache
from astra_jax.models.rows import Scores

LANES = 128  # entries that are written at one time; pages are multiples of it
_PAGE_BYTES = 2**20  # the most of a page's keys; fast memory holds keys and values of two pages


def fits_pages(cache: LayerCache) -> bool:
    """Whether the kernel can go over a cache: its blocks are multiples of 128 entries."""
    return all(block.length % LANES == 0 for block in cache.blocks)


def paged_attention(
    q_BxKxRxH: jax.Array,
    k_BxKxH: jax.Array,
    v_BxKxH: jax.Array,
    cache: LayerCache,
    position_B: jax.Array,
    scores: Scores,
    sliding: bool,
    *,
    cores: int = 1,
) -> tuple[jax.Array, LayerCache]:
    """Writes a token of each slot and attends from it. Returns heads [B, K, R, H], and the cache, of the same memory.

    Args:
        q_BxKxRxH: R query heads for each key head.
        position_B: of the tokens; -1 is a slot without one, whose heads are finite, no more. So is one past the end.
        cores: of the device: where they divide the key heads, each has its part of them.
    """
    B, K, R, H = q_BxKxRxH.shape
    C, dtype = cores if K % cores == 0 else 1, q_BxKxRxH.dtype
    K //= C
    lengths = _page_lengths(cache)
    # A token past the end would never find its page, and the kernel wait for it forever.
    position_B = jnp.where(position_B < sum(block.length for block in cache.blocks), position_B, -1)
    slot_I, start_I, steps = _steps(position_B, _starts(cache, lengths), scores.window if sliding else 0)
    leaves = jax.tree.leaves(cache)

    def of_slot(*shape: int) -> pl.BlockSpec:
        """A slot's and a core's part of an array [B, C, ...]."""
        return pl.BlockSpec((None, None, *shape), lambda c, i, slot_I, *_: (slot_I[i], c, *[0] * len(shape)))

    def fast(*shape: int, dtype: Any = dtype) -> Any:
        return pltpu.VMEM(shape, dtype)

    grid = pltpu.PrefetchScalarGridSpec(
        num_scalar_prefetch=3,
        grid=(C, steps),
        in_specs=[of_slot(K, R, H), of_slot(H, K), of_slot(K, 1, H)] + [_IN_PLACE] * len(leaves),
        out_specs=[of_slot(K, R, H)] + [_IN_PLACE] * len(leaves),
        scratch_shapes=[
            *(fast(2, K, H, max(lengths)), fast(2, K, max(lengths), H), pltpu.SemaphoreType.DMA((2, 2))),
            *(fast(K, H, LANES), fast(K, LANES, H), pltpu.SemaphoreType.DMA((2,))),
            *(fast(K, R, width, dtype=jnp.float32) for width in (1, 1, H)),
        ],
    )
    call = pl.pallas_call(
        partial(_kernel, lengths, scores, sliding),
        # Of the type that keeps XLA from moving whole blocks to fast memory and back.
        [jax.ShapeDtypeStruct((B, C, K, R, H), dtype), *(pltpu.HBM(x.shape, x.dtype) for x in leaves)],
        grid_spec=grid,
        input_output_aliases={6 + n: 1 + n for n in range(len(leaves))},
        compiler_params=pltpu.CompilerParams(dimension_semantics=("parallel", "arbitrary")),
        name="paged_attention",
    )
    q, k, v = (x.reshape(B, C, K, -1, H) for x in (q_BxKxRxH, k_BxKxH, v_BxKxH))
    heads, *leaves = call(slot_I, start_I, position_B, q, k[:, :, :, 0].swapaxes(2, 3), v, *leaves)
    return heads.reshape(q_BxKxRxH.shape), jax.tree.unflatten(jax.tree.structure(cache), leaves)


_IN_PLACE = pl.BlockSpec(memory_space=pltpu.HBM)


def _page_lengths(cache: LayerCache) -> tuple[int, ...]:
    """Entries of a page of each block: the largest power of two that divides the block and is not too many."""
    keys_BxKxHxS = cache.blocks[0].keys_BxKxHxS
    _, K, H, _ = keys_BxKxHxS.shape
    most = max(_PAGE_BYTES // (K * H * keys_BxKxHxS.dtype.itemsize), LANES)
    return tuple(min(block.length & -block.length, 1 << most.bit_length() - 1) for block in cache.blocks)


def _starts(cache: LayerCache, lengths: tuple[int, ...]) -> np.ndarray:
    """The positions at which a slot's N pages start."""
    starts: list[int] = []
    end = 0
    for block, length in zip(cache.blocks, lengths, strict=True):
        starts += range(end, end + block.length, length)
        end += block.length
    return np.array(starts, np.int32)


def _steps(position_B: jax.Array, start_N: np.ndarray, window: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Which slot's page each step is for, and where it starts; and how many steps there are, one or more a slot.

    A slot's pages are those from the first entry that its token sees, in a `window` if there is one, to its own.
    """

    def page_of(entry_B: jax.Array) -> jax.Array:
        return (start_N <= jnp.maximum(entry_B, 0)[:, None]).sum(axis=1, dtype=jnp.int32) - 1

    first_B = page_of(position_B - window + 1) if window else jnp.zeros_like(position_B)
    count_B = page_of(position_B) - first_B + 1
    end_B = jnp.cumsum(count_B, dtype=jnp.int32)
    step_I = jnp.arange(len(position_B) * len(start_N), dtype=jnp.int32)
    slot_I = jnp.repeat(
        jnp.arange(len(position_B), dtype=jnp.int32), count_B, total_repeat_length=len(step_I)
    )
    page_I = (first_B - end_B + count_B)[slot_I] + step_I
    return slot_I, jnp.asarray(start_N).at[page_I].get(mode="clip"), end_B[-1]


class _Sums(NamedTuple):
    """A softmax in progress, as `OnlineSoftmax`, in fast memory."""

    top_KxRx1: Any
    total_KxRx1: Any
    weighted_KxRxH: Any


def _kernel(lengths: tuple[int, ...], scores: Scores, sliding: bool, *refs: Any) -> None:
    """One step of one core: fetches the next page, keeps the slot's new token if this is its last, and attends."""
    J = len(lengths)
    slot_I, start_I, position_B, q_KxRxH, k_HxK, v_Kx1xH, *others = refs
    out_KxRxH, *leaves = others[2 * J : 4 * J + 1]  # before them the same leaves as inputs
    keys_2xKxHxS, values_2xKxSxH, arrived, kept_KxHxS, kept_KxSxH, sent, *in_progress = others[4 * J + 1 :]
    blocks, sums = [Block(*leaves[2 * j : 2 * j + 2]) for j in range(J)], _Sums(*in_progress)
    K = q_KxRxH.shape[0]
    i, end, heads = pl.program_id(1), pl.num_programs(1), pl.ds(pl.program_id(0) * K, K)
    turn, slot = i % 2, slot_I[i]
    spot = (
        position_B[slot] - start_I[i]
    )  # of the new token in this page; past its end if this is not the last

    def by_block(step: Any, do: Callable[[Any, Block, Any, int], None]) -> None:
        """Calls `do` with the block that a step's page is of, where in it the page starts, and its length."""
        first = 0
        for block, length in zip(blocks, lengths, strict=True):
            offset = start_I[step] - first
            here = (offset >= 0) & (offset < block.length)
            pl.when(here)(partial(do, step, block, pl.multiple_of(offset, LANES), length))
            first += block.length

    def arriving(step: Any, block: Block, offset: Any, length: int) -> list[Any]:
        row, at, to = slot_I[step], pl.ds(offset, length), step % 2
        keys, values = block.keys_BxKxHxS.at[row, heads, :, at], block.values_BxKxSxH.at[row, heads, at]
        return [
            pltpu.make_async_copy(keys, keys_2xKxHxS.at[to, :, :, :length], arrived.at[to, 0]),
            pltpu.make_async_copy(values, values_2xKxSxH.at[to, :, :length], arrived.at[to, 1]),
        ]

    def leaving(block: Block, entry: Any) -> list[Any]:
        at = pl.ds(entry, LANES)
        keys, values = block.keys_BxKxHxS.at[slot, heads, :, at], block.values_BxKxSxH.at[slot, heads, at]
        return [
            pltpu.make_async_copy(kept_KxHxS, keys, sent.at[0]),
            pltpu.make_async_copy(kept_KxSxH, values, sent.at[1]),
        ]

    def keep(block: Block, offset: Any) -> None:
        """Puts the new token among the 128 entries around it, here and in the cache."""
        entry = pl.multiple_of(jnp.maximum(spot, 0) // LANES * LANES, LANES)
        pl.when(slot > 0)(lambda: _wait(leaving(block, 0)))  # of the slot before
        for head in range(K):
            keys_HxS = keys_2xKxHxS.at[turn, head, :, pl.ds(entry, LANES)]
            values_SxH = values_2xKxSxH.at[turn, head, pl.ds(entry, LANES)]
            keys_HxS[...] = kept_KxHxS[head] = _put(k_HxK[:, head : head + 1], keys_HxS, 1, spot - entry)
            values_SxH[...] = kept_KxSxH[head] = _put(v_Kx1xH[head], values_SxH, 0, spot - entry)
        _start(leaving(block, pl.multiple_of(offset + entry, LANES)))

    def attend(step: Any, block: Block, offset: Any, length: int) -> None:
        _wait(arriving(step, block, offset, length))
        pl.when(spot < length)(lambda: keep(block, offset))
        page = keys_2xKxHxS[turn, :, :, :length], values_2xKxSxH[turn, :, :length]
        _see(q_KxRxH[...], *page, spot, scores, sliding, sums)

        @pl.when(spot < length)
        def finish() -> None:
            out_KxRxH[...] = (sums.weighted_KxRxH[...] / sums.total_KxRx1[...]).astype(out_KxRxH.dtype)

    pl.when(i == 0)(lambda: by_block(i, lambda *page: _start(arriving(*page))))
    pl.when(i + 1 < end)(lambda: by_block(i + 1, lambda *page: _start(arriving(*page))))
    pl.when((i == 0) | (slot_I[jnp.maximum(i - 1, 0)] != slot))(lambda: _nothing_seen(sums))
    by_block(i, attend)
    pl.when(i == end - 1)(lambda: _wait(leaving(blocks[0], 0)))


def _start(copies: list[Any]) -> None:
    for copy in copies:
        copy.start()


def _wait(copies: list[Any]) -> None:
    for copy in copies:
        copy.wait()


def _put(new: jax.Array, into: Any, axis: int, entry: Any) -> jax.Array:
    """What `into` holds, but for `new` at an entry, where there is such an entry."""
    old = into[...].astype(jnp.float32)  # not every chip selects among narrower numbers
    here = jax.lax.broadcasted_iota(jnp.int32, old.shape, axis) == entry
    return jnp.where(here, new.astype(jnp.float32), old).astype(into.dtype)


def _nothing_seen(sums: _Sums) -> None:
    for ref, start in zip(sums, (MASKED, 0.0, 0.0), strict=True):
        ref[...] = jnp.full_like(ref, start)


def _see(
    q_KxRxH: jax.Array,
    keys_KxHxS: jax.Array,
    values_KxSxH: jax.Array,
    spot: Any,
    scores: Scores,
    sliding: bool,
    sums: _Sums,
) -> None:
    """Adds a page, for a token at entry `spot` as counted from its first."""
    products = _product("krh,khs->krs", q_KxRxH, keys_KxHxS) * scores.scale
    distance = spot - jax.lax.broadcasted_iota(jnp.int32, products.shape, 2)
    visible = (distance >= 0) & (distance < scores.window) if sliding else distance >= 0
    products = jnp.where(visible, products, MASKED)
    top = jnp.maximum(sums.top_KxRx1[...], products.max(axis=-1, keepdims=True))
    kept, weights = jnp.exp(sums.top_KxRx1[...] - top), jnp.exp(products - top)
    added = _product("krs,ksh->krh", weights.astype(values_KxSxH.dtype), values_KxSxH)
    sums.top_KxRx1[...] = top
    sums.total_KxRx1[...] = sums.total_KxRx1[...] * kept + weights.sum(axis=-1, keepdims=True)
    sums.weighted_KxRxH[...] = sums.weighted_KxRxH[...] * kept + added


_product = partial(jnp.einsum, preferred_element_type=jnp.float32)
