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

BLOCK = 64  # tokens; measured best of 32, 64, 128, 256 on CPU
MASKED = -1e30  # finite: a row of scores that sees nothing must not become NaN


class Rows(NamedTuple):
    """Who a token is, by block: segment and parent ids, [n, B, t]."""

    segments: jax.Array
    parents: jax.Array


def block_sparse_attention(
    q_BxTxNxH: jax.Array,
    k_BxTxKxH: jax.Array,
    v_BxTxKxH: jax.Array,
    segments_BxT: jax.Array,
    parents_BxT: jax.Array,
) -> jax.Array:
    """See `attention.packed_attention`."""
    T, H = q_BxTxNxH.shape[1], q_BxTxNxH.shape[3]
    K = k_BxTxKxH.shape[2]
    size = min(BLOCK, T)
    padding = -T % size
    q, k, v, segments, parents = (
        jnp.pad(x, [(0, 0), (0, padding)] + [(0, 0)] * (x.ndim - 2))
        for x in (q_BxTxNxH * H**-0.5, k_BxTxKxH, v_BxTxKxH, segments_BxT, parents_BxT)
    )
    rows = Rows(_time_blocks(segments, size), _time_blocks(parents, size))
    out_nxBxKxRxH = _attend(
        _head_blocks(q, K, size), _head_blocks(k, K, size), _head_blocks(v, K, size), rows
    )
    return _merge_blocks(out_nxBxKxRxH, size)[:, :T]


def _time_blocks(x_BxT: jax.Array, size: int) -> jax.Array:
    return x_BxT.reshape(x_BxT.shape[0], -1, size).swapaxes(0, 1)


def _head_blocks(x_BxTxNxH: jax.Array, K: int, size: int) -> jax.Array:
    B, _, N, H = x_BxTxNxH.shape
    blocks_BxnxtxKxGxH = x_BxTxNxH.reshape(B, -1, size, K, N // K, H)
    return blocks_BxnxtxKxGxH.transpose(1, 0, 3, 4, 2, 5).reshape(-1, B, K, N // K * size, H)


def _merge_blocks(x_nxBxKxRxH: jax.Array, size: int) -> jax.Array:
    n, B, K, R, H = x_nxBxKxRxH.shape
    blocks_nxBxKxGxtxH = x_nxBxKxRxH.reshape(n, B, K, R // size, size, H)
    return blocks_nxBxKxGxtxH.transpose(1, 0, 4, 2, 3, 5).reshape(B, n * size, K * (R // size), H)


def _schedule(rows: Rows) -> tuple[jax.Array, jax.Array]:
    """For each block of queries, key blocks with those it must visit first, [n, n], and how many those are, [n].

    Blocks are compared by their ranges of ids, over all rows: never too few pairs, at times too many.
    """
    low, high = _id_range(rows.segments)
    parent_low, parent_high = _id_range(rows.parents)

    def overlap(a_low: jax.Array, a_high: jax.Array) -> jax.Array:
        return ((a_low[:, None] <= high) & (a_high[:, None] >= low)).any(axis=-1)

    index = jnp.arange(rows.segments.shape[0])
    visit = (overlap(low, high) | overlap(parent_low, parent_high)) & (index[:, None] >= index)
    visit |= index[:, None] == index  # a token always sees itself, so that no softmax is empty
    return jnp.argsort(~visit, axis=1, stable=True), visit.sum(axis=1)


def _id_range(ids_nxBxt: jax.Array) -> tuple[jax.Array, jax.Array]:
    real = jnp.where(ids_nxBxt == 0, jnp.iinfo(ids_nxBxt.dtype).max, ids_nxBxt)
    return real.min(axis=-1), ids_nxBxt.max(axis=-1)


def _visible(rows: Rows, i: jax.Array, j: jax.Array) -> jax.Array:
    """Which keys of block j the queries of block i see, [B, 1, 1, t, t]."""
    segment_q, parent_q = rows.segments[i][:, :, None], rows.parents[i][:, :, None]
    segment_k = rows.segments[j][:, None, :]
    size = segment_k.shape[-1]
    time = jnp.arange(size)
    causal = (i * size + time)[:, None] >= j * size + time
    related = (segment_q == segment_k) | ((parent_q == segment_k) & (parent_q != 0))
    return (causal & related)[:, None, None]


def _where(visible_Bx1x1xtxt: jax.Array, x_BxKxRxt: jax.Array, other: float) -> jax.Array:
    B, K, R, size = x_BxKxRxt.shape
    return jnp.where(visible_Bx1x1xtxt, x_BxKxRxt.reshape(B, K, R // size, size, size), other).reshape(
        x_BxKxRxt.shape
    )


_product = partial(jnp.einsum, preferred_element_type=jnp.float32)


@jax.custom_vjp
def _attend(q: jax.Array, k: jax.Array, v: jax.Array, rows: Rows) -> jax.Array:
    return _forward(q, k, v, rows)[0]


def _forward(q: jax.Array, k: jax.Array, v: jax.Array, rows: Rows) -> tuple[jax.Array, tuple]:
    def query_block(_: None, block: tuple) -> tuple[None, tuple[jax.Array, jax.Array]]:
        i, q_i, order, count = block

        def visit(step: jax.Array, carry: tuple) -> tuple:
            out, top, total = carry
            j = order[step]
            scores = _where(_visible(rows, i, j), _product("bkrh,bksh->bkrs", q_i, k[j]), MASKED)
            new_top = jnp.maximum(top, scores.max(axis=-1))
            weights = jnp.exp(scores - new_top[..., None])
            shrink = jnp.exp(top - new_top)
            out = out * shrink[..., None] + _product("bkrs,bksh->bkrh", weights.astype(v.dtype), v[j])
            return out, new_top, total * shrink + weights.sum(axis=-1)

        empty = jnp.zeros(q_i.shape[:-1], jnp.float32)
        start = (jnp.zeros(q_i.shape, jnp.float32), empty + MASKED, empty)
        out, top, total = jax.lax.fori_loop(0, count, visit, start)
        return None, (out / total[..., None], top + jnp.log(total))

    order, count = _schedule(rows)
    _, (out, log_total) = jax.lax.scan(query_block, None, (jnp.arange(q.shape[0]), q, order, count))
    # Both are named: with `out` alone saved, a remat policy would run all of this again for `log_total`.
    out = checkpoint_name(out.astype(q.dtype), "attention")
    log_total = checkpoint_name(log_total, "attention")
    return out, (q, k, v, rows, out, log_total)


def _backward(saved: tuple, d_out: jax.Array) -> tuple:
    q, k, v, rows, out, log_total = saved
    d_total = (d_out * out).sum(axis=-1, dtype=jnp.float32)

    def query_block(d_kv: tuple, block: tuple) -> tuple[tuple, jax.Array]:
        i, q_i, qT_i, d_i, dT_i, log_total_i, d_total_i, order, count = block

        def visit(step: jax.Array, carry: tuple) -> tuple:
            d_q, d_k, d_v = carry
            j = order[step]
            scores = _product("bkrh,bksh->bkrs", q_i, k[j])
            weights = _where(_visible(rows, i, j), jnp.exp(scores - log_total_i[..., None]), 0.0)
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
    blocks = (
        jnp.arange(q.shape[0]),
        q,
        q.swapaxes(-1, -2),
        d_out,
        d_out.swapaxes(-1, -2),
        log_total,
        d_total,
    )
    (d_k, d_v), d_q = jax.lax.scan(query_block, (zeros, zeros), (*blocks, *_schedule(rows)))
    d_k, d_v = d_k.swapaxes(-1, -2), d_v.swapaxes(-1, -2)
    return d_q.astype(q.dtype), d_k.astype(k.dtype), d_v.astype(v.dtype), None


_attend.defvjp(_forward, _backward)
