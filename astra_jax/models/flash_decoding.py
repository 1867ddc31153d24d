"""Attention of a decoding step by a Pallas kernel (NVIDIA GPU, by Triton), as in Flash-Decoding.

A program for each slot and key head reads the entries that the slot's token sees, tile after tile, where XLA would read
whole blocks, and ask the host for every block whether any slot has reached it. It also writes the new token, which it
sees without reading it back.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from astra_jax.models.cache import Block, LayerCache
from astra_jax.models.rows import Scores

try:
    from jax.experimental.pallas import triton as _triton
except ImportError:  # JAX says that it will take Pallas' way to Triton out: XLA then attends
    _triton = None
triton: Any = _triton

TILE = 32  # entries that are read at one time
# Sizes of heads: Triton's arrays are of powers of two, and tiles of larger ones may not fit.
_HEADS = (16, 32, 64, 128)
_ROWS = 16  # the fewest rows of a matrix that tensor cores multiply
_WARPS, _STAGES = 2, 3  # threads / 32 of a program, and tiles on their way to it; the best of nine on an H200


def fits_tiles(cache: LayerCache) -> bool:
    """Whether the kernel can go over a cache: heads of 16, 32, 64 or 128, blocks of whole tiles, and JAX has Triton."""
    head_dim = cache.blocks[0].keys_BxKxHxS.shape[2]
    tiled = all(block.length % TILE == 0 for block in cache.blocks)
    return bool(triton) and tiled and head_dim in _HEADS


def flash_decoding(
    q_BxKxRxH: jax.Array,
    k_BxKxH: jax.Array,
    v_BxKxH: jax.Array,
    cache: LayerCache,
    position_B: jax.Array,
    scores: Scores,
    sliding: bool,
    *,
    interpret: bool = False,
) -> tuple[jax.Array, LayerCache]:
    """Writes a token of each slot and attends from it. Returns heads [B, K, R, H], and the cache, of the same memory.

    Args:
        q_BxKxRxH: R query heads for each key head.
        position_B: of the tokens; -1 is a slot without one, whose heads are finite, no more. So is one past the end.
        interpret: without a GPU, slow.
    """
    B, K, R, H = q_BxKxRxH.shape
    rows = max(_ROWS, pl.next_power_of_2(R))
    leaves = jax.tree.leaves(cache)

    def of_head(*shape: int) -> pl.BlockSpec:
        """A slot's and a key head's part of an array [B, K, ...]."""
        return pl.BlockSpec((None, None, *shape), lambda b, k: (b, k, *[0] * len(shape)))

    of_cache = [of_head(*leaf.shape[2:]) for leaf in leaves]
    call = pl.pallas_call(
        partial(_kernel, scores, sliding),
        [jax.ShapeDtypeStruct((B, K, rows, H), q_BxKxRxH.dtype), *leaves],
        grid=(B, K),
        in_specs=[
            pl.BlockSpec((None,), lambda b, k: (b,)),
            of_head(rows, H),
            of_head(H),
            of_head(H),
            *of_cache,
        ],
        out_specs=[of_head(rows, H), *of_cache],
        input_output_aliases={4 + n: 1 + n for n in range(len(leaves))},
        compiler_params=triton.CompilerParams(num_warps=_WARPS, num_stages=_STAGES),
        interpret=interpret,
        name="flash_decoding",
    )
    padded = jnp.pad(q_BxKxRxH, ((0, 0), (0, 0), (0, rows - R), (0, 0)))
    heads, *leaves = call(position_B, padded, k_BxKxH, v_BxKxH, *leaves)
    return heads[:, :, :R], jax.tree.unflatten(jax.tree.structure(cache), leaves)


class _Sums(NamedTuple):
    """A softmax in progress, as `OnlineSoftmax`."""

    top_R: jax.Array
    total_R: jax.Array
    weighted_RxH: jax.Array


def _kernel(scores: Scores, sliding: bool, position: Any, q_RxH: Any, k_H: Any, v_H: Any, *refs: Any) -> None:
    """One slot and key head. Its token is seen from where it is, and no entry that is written is read."""
    leaves = refs[len(refs) // 2 + 1 :]  # before them the same as inputs, and the heads
    blocks = [Block(*leaves[n : n + 2]) for n in range(0, len(leaves), 2)]
    out_RxH = refs[len(refs) // 2]
    here, q, k, v = position[()], q_RxH[...], k_H[...], v_H[...]
    top_R = (q.astype(jnp.float32) * k.astype(jnp.float32)[None]).sum(axis=1) * scores.scale
    weighted_RxH = jnp.broadcast_to(v.astype(jnp.float32)[None], q.shape)
    sums, start = _Sums(top_R, jnp.ones_like(top_R), weighted_RxH), 0
    for block in blocks:
        length = block.keys_BxKxHxS.shape[1]  # of the reference, which has lost its first two axes
        spot = here - start
        sums = _read(block, length, spot, q, scores, scores.window if sliding else 0, sums)
        _keep(block, length, spot, k, v)
        start += length
    out_RxH[...] = (sums.weighted_RxH / sums.total_R[:, None]).astype(out_RxH.dtype)


def _read(
    block: Block, length: int, spot: Any, q_RxH: jax.Array, scores: Scores, window: int, sums: _Sums
) -> _Sums:
    """Adds the entries of a block before `spot`, in a `window` if there is one."""
    tiles = length // TILE
    first = jnp.clip((spot - window + 1) // TILE, 0, tiles) if window else 0
    whole, end = jnp.clip(spot // TILE, 0, tiles), jnp.clip(pl.cdiv(spot, TILE), 0, tiles)
    product = partial(jnp.dot, preferred_element_type=jnp.float32, precision=_precision(q_RxH))

    def load(ref: Any, seen: jax.Array, masked: bool) -> jax.Array:
        # What is not seen may be anything: a token that is being written, or what was never written.
        return triton.load(ref, mask=seen, other=0.0) if masked else triton.load(ref)

    def see(tile: jax.Array, sums: _Sums, *, masked: bool) -> _Sums:
        at, entry_S = pl.ds(tile * TILE, TILE), tile * TILE + jnp.arange(TILE)
        visible_S = (entry_S < spot) & (entry_S > spot - window) if window else entry_S < spot
        keys_HxS = load(block.keys_BxKxHxS.at[:, at], visible_S[None], masked)
        values_SxH = load(block.values_BxKxSxH.at[at, :], visible_S[:, None], masked)
        products_RxS = product(q_RxH, keys_HxS) * scores.scale
        products_RxS = jnp.where(visible_S[None], products_RxS, -jnp.inf) if masked else products_RxS
        top_R = jnp.maximum(sums.top_R, products_RxS.max(axis=1))
        kept_R, weights_RxS = jnp.exp(sums.top_R - top_R), jnp.exp(products_RxS - top_R[:, None])
        added_RxH = product(weights_RxS.astype(q_RxH.dtype), values_SxH)
        return _Sums(
            top_R,
            sums.total_R * kept_R + weights_RxS.sum(axis=1),
            sums.weighted_RxH * kept_R[:, None] + added_RxH,
        )

    # A mask along what is next to each other in memory has numbers loaded one by one: tiles seen whole have none.
    sums = jax.lax.fori_loop(first, whole, partial(see, masked=bool(window)), sums)
    return jax.lax.fori_loop(jnp.maximum(first, whole), end, partial(see, masked=True), sums)


def _keep(block: Block, length: int, spot: Any, k_H: jax.Array, v_H: jax.Array) -> None:
    """Writes the token at entry `spot`, where the block has one."""
    mask = jnp.broadcast_to((spot >= 0) & (spot < length), k_H.shape)
    entry = jnp.clip(spot, 0, length - 1)
    triton.store(block.keys_BxKxHxS.at[:, entry], k_H, mask=mask)
    triton.store(block.values_BxKxSxH.at[entry, :], v_H, mask=mask)


def _precision(x: jax.Array) -> jax.lax.Precision:
    """Tensor cores would round single precision."""
    return jax.lax.Precision.HIGHEST if x.dtype == jnp.float32 else jax.lax.Precision.DEFAULT
