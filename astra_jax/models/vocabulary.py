"""The two ends of a model, whose table has a row for each token of a large vocabulary: embedding and scores.

Over a mesh a device holds some columns of the table (`embed`), and of these some rows (`vocab`). Neither end gathers
it. To embed, each device looks its columns up for the tokens of all and hands everybody theirs. To score, the table is
turned, so that each device holds whole rows, and all devices score all tokens against their rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from astra_jax.models.outputs_first import outputs_first_product
from astra_jax.sharding import partition_spec

# (hidden states [B, P, T, D], targets [B, P, T], temperature) -> log-probabilities and entropies [B, P, T] float32
Scorer = Callable[[jax.Array, jax.Array, float], tuple[jax.Array, jax.Array]]

_NEVER = -1e30  # the logit of a row that pads the table


def embed(table_VxD: jax.Array, tokens_BxT: jax.Array, dtype: str, time: str) -> jax.Array:
    """The rows of the tokens, [B, T, D].

    Args:
        time: the logical axis of T.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return table_VxD[tokens_BxT].astype(dtype)
    table_spec = partition_spec(mesh, ("vocab", "embed"), table_VxD.shape, name="embedding")
    tokens_spec = partition_spec(mesh, ("batch", time), tokens_BxT.shape, name="tokens")
    rows, columns = (_axes(each) for each in table_spec)

    def local(table: jax.Array, tokens: jax.Array) -> jax.Array:
        ids = _gathered(tokens.reshape(-1), columns) - _index(rows) * table.shape[0]
        here = (ids >= 0) & (ids < table.shape[0])
        found = jnp.where(here[:, None], table[jnp.where(here, ids, 0)].astype(dtype), 0)
        if columns:
            found = jax.lax.all_to_all(found, columns, split_axis=0, concat_axis=1, tiled=True)
        found = jax.lax.psum(found, rows) if rows else found
        return found.reshape(*tokens.shape, -1)

    out_spec = PartitionSpec(*tokens_spec, None)
    specs = (table_spec, tokens_spec)
    return jax.shard_map(local, in_specs=specs, out_specs=out_spec, check_vma=False)(table_VxD, tokens_BxT)


def scorer(table_VxD: jax.Array, dtype: str, softcap: float = 0.0) -> Scorer:
    """Scores hidden states with a table; made once, as turning it takes time."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return lambda hidden, targets, temperature: score(
            logits(table_VxD, hidden, dtype, softcap) / temperature, targets
        )
    table_spec = partition_spec(mesh, ("vocab", "embed"), table_VxD.shape, name="unembedding")
    rows, columns = (_axes(each) for each in table_spec)
    turned_spec = PartitionSpec((*rows, *columns) or None, None)
    height = table_VxD.shape[0] // _size(mesh, rows)  # of the table on each device, unturned

    def turn(table: jax.Array) -> jax.Array:
        # In its own type: the gradients of chunks of tokens are added up in it.
        table = jnp.pad(table, [(0, -height % _size(mesh, columns)), (0, 0)])
        if not columns:
            return table
        return jax.lax.all_to_all(table, columns, split_axis=0, concat_axis=1, tiled=True)

    turned = jax.shard_map(turn, in_specs=table_spec, out_specs=turned_spec, check_vma=False)(table_VxD)

    def scores(hidden: jax.Array, targets: jax.Array, temperature: float) -> tuple[jax.Array, jax.Array]:
        def local(hidden: jax.Array, targets: jax.Array, table: jax.Array) -> tuple[jax.Array, jax.Array]:
            ids = _gathered(targets.reshape(-1), columns)
            all_hidden = _gathered(hidden.reshape(-1, hidden.shape[-1]), columns)
            place = _index(columns) * table.shape[0] + jnp.arange(table.shape[0])
            scaled = logits(table, all_hidden, dtype, softcap) / temperature
            scaled = jnp.where(place < height, scaled, _NEVER)
            mine = place + _index(rows) * height == ids[:, None]
            logprob, entropy = _score_together(scaled, mine, rows, columns)
            return logprob.reshape(targets.shape), entropy.reshape(targets.shape)

        tokens_spec = partition_spec(mesh, ("batch", "part", "step"), targets.shape, name="targets")
        specs = (PartitionSpec(*tokens_spec, None), tokens_spec, turned_spec)
        out_specs = (tokens_spec, tokens_spec)
        return jax.shard_map(local, in_specs=specs, out_specs=out_specs, check_vma=False)(
            hidden, targets, turned
        )

    return scores


def logits(
    table_VxD: jax.Array, hidden_xD: jax.Array, dtype: str, softcap: float = 0.0, outputs_first: bool = False
) -> jax.Array:
    """Scores of all tokens, [..., V] float32.

    Args:
        outputs_first: see `Transformer.unstacked`.
    """
    rows, table_VxD = hidden_xD.reshape(-1, hidden_xD.shape[-1]), table_VxD.astype(dtype)
    if outputs_first:
        products = outputs_first_product(rows, table_VxD, jnp.float32)
    else:
        # A plain matrix product, as in `Linear`.
        products = jnp.einsum("rd,vd->rv", rows, table_VxD, preferred_element_type=jnp.float32)
    if softcap:
        products = softcap * jnp.tanh(products / softcap)
    return products.reshape(*hidden_xD.shape[:-1], -1)


def score(logits_xV: jax.Array, targets_x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each target and entropy of each distribution."""
    log_z = jax.nn.logsumexp(logits_xV, axis=-1)
    chosen = jnp.take_along_axis(logits_xV, targets_x[..., None], axis=-1)[..., 0]
    logprobs = logits_xV - log_z[..., None]
    return chosen - log_z, -jnp.sum(jnp.exp(logprobs) * logprobs, axis=-1)


def _score_together(
    logits_txv: jax.Array, mine_txv: jax.Array, rows: Sequence[str], columns: Sequence[str]
) -> tuple[jax.Array, jax.Array]:
    """`score` where each device has some columns of the logits of all tokens; each gets its own tokens' scores."""
    axes = (*rows, *columns)
    top = jax.lax.pmax(jax.lax.stop_gradient(logits_txv.max(axis=-1)), axes)
    weights = jnp.exp(logits_txv - top[:, None])
    sums = [weights, jnp.where(mine_txv, logits_txv, 0), weights * logits_txv]
    parts_3xt = jnp.stack([x.sum(axis=-1) for x in sums])
    if rows:
        parts_3xt = jax.lax.psum(parts_3xt, rows)
    if columns:
        parts_3xt = jax.lax.psum_scatter(parts_3xt, columns, scatter_dimension=1, tiled=True)
        own = parts_3xt.shape[1]
        top = jax.lax.dynamic_slice_in_dim(top, _index(columns) * own, own)
    total, chosen, weighted = parts_3xt
    log_z = jnp.log(total) + top
    return chosen - log_z, log_z - weighted / total


def _gathered(x_t: jax.Array, axes: Sequence[str]) -> jax.Array:
    return jax.lax.all_gather(x_t, axes, axis=0, tiled=True) if axes else x_t


def _index(axes: Sequence[str]) -> int | jax.Array:
    return jax.lax.axis_index(tuple(axes)) if axes else 0


def _axes(of_dimension: Any) -> tuple[str, ...]:
    """The mesh axes of a dimension of a spec, which writes one alone as a name."""
    return (of_dimension,) if isinstance(of_dimension, str) else tuple(of_dimension or ())


def _size(mesh: jax.sharding.AbstractMesh, axes: Sequence[str]) -> int:
    return math.prod(mesh.shape[axis] for axis in axes)
