"""Attention over packed rows in blocks of time, visiting only pairs of blocks in which some token sees another.

The online softmax of FlashAttention (arXiv 2205.14135) in plain XLA. Packed rows are mostly blocks that cannot see
each other: which ones can is found from the segment ids at run time. Memory is linear in T; on a CPU each step's
scores stay in cache and every contraction is a plain matrix product.

Blocks put their index first: x_nxBxKx... with n blocks of t tokens, and the G query heads of a key head stacked
into R = G·t rows.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from astra_jax.models.rows import Rows, Scores

BLOCK = 64  # tokens; measured best of 32, 64, 128, 256 on CPU
MASKED = -1e30  # finite: a row of scores that sees nothing must not become NaN


class Blocks(NamedTuple):
    """`Rows` by block, [n, B, t]."""

    index: jax.Array
    segments: jax.Array
    parents: jax.Array
    positions: jax.Array

    def block(self, i: jax.Array) -> Blocks:
        return Blocks(*(x[i] for x in self))


def block_sparse_attention(
    q_BxTxNxH: jax.Array,
    k_BxSxKxH: jax.Array,
    v_BxSxKxH: jax.Array,
    q_rows: Rows,
    k_rows: Rows,
    scores: Scores,
    sliding: bool | jax.Array = False,
) -> jax.Array:
    """See `attention.packed_attention`. Queries and keys may be different parts of the same rows."""
    T = q_BxTxNxH.shape[1]
    S, K = k_BxSxKxH.shape[1:3]
    q_size, k_size = min(BLOCK, T), min(BLOCK, S)
    out_nxBxKxRxH: jax.Array = _attend(
        _head_blocks(q_BxTxNxH * scores.scale, K, q_size),
        _head_blocks(k_BxSxKxH, K, k_size),
        _head_blocks(v_BxSxKxH, K, k_size),
        _blocks(q_rows, q_size),
        _blocks(k_rows, k_size),
        scores.reach(sliding),
    )
    return _merge_blocks(out_nxBxKxRxH, q_size)[:, :T]


def _blocks(rows: Rows, size: int) -> Blocks:
    parents = jnp.zeros_like(rows.segments) if rows.parents is None else rows.parents
    return Blocks(*(_time_blocks(x, size) for x in (rows.index, rows.segments, parents, rows.positions)))


def _time_blocks(x_BxT: jax.Array, size: int) -> jax.Array:
    x_BxT = _padded(x_BxT, size)
    return x_BxT.reshape(x_BxT.shape[0], -1, size).swapaxes(0, 1)


def _padded(x_BxT: jax.Array, size: int) -> jax.Array:
    return jnp.pad(x_BxT, [(0, 0), (0, -x_BxT.shape[1] % size)] + [(0, 0)] * (x_BxT.ndim - 2))


def _head_blocks(x_BxTxNxH: jax.Array, K: int, size: int) -> jax.Array:
    x_BxTxNxH = _padded(x_BxTxNxH, size)
    B, _, N, H = x_BxTxNxH.shape
    blocks_BxnxtxKxGxH = x_BxTxNxH.reshape(B, -1, size, K, N // K, H)
    return blocks_BxnxtxKxGxH.transpose(1, 0, 3, 4, 2, 5).reshape(-1, B, K, N // K * size, H)


def _merge_blocks(x_nxBxKxRxH: jax.Array, size: int) -> jax.Array:
    n, B, K, R, H = x_nxBxKxRxH.shape
    blocks_nxBxKxGxtxH = x_nxBxKxRxH.reshape(n, B, K, R // size, size, H)
    return blocks_nxBxKxGxtxH.transpose(1, 0, 4, 2, 3, 5).reshape(B, n * size, K * (R // size), H)


def _schedule(q_rows: Blocks, k_rows: Blocks, reach: jax.Array) -> tuple[jax.Array, jax.Array]:
    """For each block of queries, key blocks with those it must visit first, [n, m], and how many those are, [n].

    Blocks are compared by their ranges, over all rows: never too few pairs, at times too many.
    """
    low, high = _id_range(k_rows.segments)

    def overlap(a: tuple[jax.Array, jax.Array]) -> jax.Array:
        return (a[0][:, None] <= high) & (a[1][:, None] >= low)

    related = overlap(_id_range(q_rows.segments)) | overlap(_id_range(q_rows.parents))
    causal = q_rows.index.max(axis=-1)[:, None] >= k_rows.index.min(axis=-1)
    # Padding stands at position 0, so that blocks with some are never too far.
    near = q_rows.positions.min(axis=-1)[:, None] - k_rows.positions.max(axis=-1) < reach
    visit = (related & causal & near).any(axis=-1)
    # One at least, so that no softmax is empty: padding's is over nothing that it sees.
    return jnp.argsort(~visit, axis=1, stable=True), jnp.maximum(visit.sum(axis=1), 1)


def _id_range(ids_nxBxt: jax.Array) -> tuple[jax.Array, jax.Array]:
    real = jnp.where(ids_nxBxt == 0, jnp.iinfo(ids_nxBxt.dtype).max, ids_nxBxt)
    return real.min(axis=-1), ids_nxBxt.max(axis=-1)


def _visible(q: Blocks, k: Blocks, reach: jax.Array) -> jax.Array:
    """Which keys of a block the queries of another see, [B, 1, 1, t, t]."""
    q, k = Blocks(*(x[:, :, None] for x in q)), Blocks(*(x[:, None, :] for x in k))
    related = (q.segments == k.segments) | ((q.parents == k.segments) & (q.parents != 0))
    return ((q.index >= k.index) & related & (q.positions - k.positions < reach))[:, None, None]


def _where(visible_Bx1x1xtxt: jax.Array, x_BxKxRxt: jax.Array, other: float) -> jax.Array:
    B, K, R, k_size = x_BxKxRxt.shape
    q_size = visible_Bx1x1xtxt.shape[-2]
    apart = x_BxKxRxt.reshape(B, K, R // q_size, q_size, k_size)
    return jnp.where(visible_Bx1x1xtxt, apart, other).reshape(x_BxKxRxt.shape)


_product = partial(jnp.einsum, preferred_element_type=jnp.float32)


@jax.custom_vjp
def _attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    q_rows: Blocks,
    k_rows: Blocks,
    reach: jax.Array,
) -> jax.Array:
    return _forward(q, k, v, q_rows, k_rows, reach)[0]


def _forward(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    q_rows: Blocks,
    k_rows: Blocks,
    reach: jax.Array,
) -> tuple[jax.Array, tuple]:
    def query_block(_: None, block: tuple) -> tuple[None, tuple[jax.Array, jax.Array]]:
        q_i, rows_i, order, count = block

        def visit(step: jax.Array, carry: tuple) -> tuple:
            out, top, total = carry
            j = order[step]
            scores = _product("bkrh,bksh->bkrs", q_i, k[j])
            scores = _where(_visible(rows_i, k_rows.block(j), reach), scores, MASKED)
            new_top = jnp.maximum(top, scores.max(axis=-1))
            weights = jnp.exp(scores - new_top[..., None])
            shrink = jnp.exp(top - new_top)
            out = out * shrink[..., None] + _product("bkrs,bksh->bkrh", weights.astype(v.dtype), v[j])
            return out, new_top, total * shrink + weights.sum(axis=-1)

        empty = jnp.zeros(q_i.shape[:-1], jnp.float32)
        start = (jnp.zeros(q_i.shape, jnp.float32), empty + MASKED, empty)
        out, top, total = jax.lax.fori_loop(0, count, visit, start)
        return None, (out / total[..., None], top + jnp.log(total))

    order, count = _schedule(q_rows, k_rows, reach)
    _, (out, log_total) = jax.lax.scan(query_block, None, (q, q_rows, order, count))
    # Both are named: with `out` alone saved, a remat policy would run all of this again for `log_total`.
    out = checkpoint_name(out.astype(q.dtype), "attention")
    log_total = checkpoint_name(log_total, "attention")
    return out, (q, k, v, q_rows, k_rows, reach, out, log_total)


def _backward(saved: tuple, d_out: jax.Array) -> tuple:
    q, k, v, q_rows, k_rows, reach, out, log_total = saved
    d_total = (d_out * out).sum(axis=-1, dtype=jnp.float32)

    def query_block(d_kv: tuple, block: tuple) -> tuple[tuple, jax.Array]:
        rows_i, q_i, qT_i, d_i, dT_i, log_total_i, d_total_i, order, count = block

        def visit(step: jax.Array, carry: tuple) -> tuple:
            d_q, d_k, d_v = carry
            j = order[step]
            scores = _product("bkrh,bksh->bkrs", q_i, k[j])
            visible = _visible(rows_i, k_rows.block(j), reach)
            weights = _where(visible, jnp.exp(scores - log_total_i[..., None]), 0.0)
            d_scores = weights * (_product("bkrh,bksh->bkrs", d_i, v[j]) - d_total_i[..., None])
            weights, d_scores = weights.astype(q.dtype), d_scores.astype(q.dtype)
            d_q = d_q + _product("bkrs,bksh->bkrh", d_scores, k[j])
            d_k = d_k.at[j].add(_product("bkhr,bkrs->bkhs", qT_i, d_scores))
            d_v = d_v.at[j].add(_product("bkhr,bkrs->bkhs", dT_i, weights))
            return d_q, d_k, d_v

        start = (jnp.zeros(q_i.shape, jnp.float32), *d_kv)
        d_q, d_k, d_v = jax.lax.fori_loop(0, count, visit, start)
        return (d_k, d_v), d_q

    # Keys' gradients are kept transposed: as products of untransposed matrices they run at full speed on a CPU.
    zeros = jnp.zeros(k.swapaxes(-1, -2).shape, jnp.float32)
    blocks = (q_rows, q, q.swapaxes(-1, -2), d_out, d_out.swapaxes(-1, -2), log_total, d_total)
    (d_k, d_v), d_q = jax.lax.scan(query_block, (zeros, zeros), (*blocks, *_schedule(q_rows, k_rows, reach)))
    d_k, d_v = d_k.swapaxes(-1, -2), d_v.swapaxes(-1, -2)
    return d_q.astype(q.dtype), d_k.astype(k.dtype), d_v.astype(v.dtype), None, None, None


_attend.defvjp(_forward, _backward)
