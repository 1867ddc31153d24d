"""A mixture of feed-forwards: each token goes to a few experts, and none is dropped (arXiv 2211.15841).

Tokens are sorted by expert and go through products of matrices in groups. Over a mesh each device sorts its own tokens;
where the experts are split, the devices of an `expert` axis hand each other their tokens, and add up what each one's
experts give.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import PartitionSpec

from astra_jax.models.config import ModelConfig
from astra_jax.models.grouped import grouped_product
from astra_jax.models.linear import Linear
from astra_jax.models.parameter import matrix
from astra_jax.sharding import partition_spec


class Routing(NamedTuple):
    """Where a layer sent its tokens, [B, T, ...].

    `balance` is the load-balancing loss of the token's segment (arXiv 2101.03961, eq. 4, over that segment alone, so
    that it does not depend on what else is in a batch): 1 where all experts are used alike. `z` is that of arXiv
    2202.08906, eq. 5.
    """

    experts_BxTxk: jax.Array  # int32
    balance_BxT: jax.Array
    z_BxT: jax.Array


class ExpertLinear(nnx.Module):
    """The weight of a linear map of each expert."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs, inputs: dict[str, int], outputs: dict[str, int]):
        stacked = {"layers": config.num_layers, "experts": config.num_experts}
        self.weight = matrix(config, rngs, stacked | inputs | outputs, inputs=len(inputs))


class Experts(nnx.Module):
    """E feed-forwards and the router that chooses for each token."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        self.config = config
        embed, ffn = {"expert_embed": config.hidden_size}, {"ffn": config.expert_ffn_size}
        self.router = Linear(
            config, rngs, {"embed": config.hidden_size}, {"router": config.num_experts}, bias=False
        )
        self.gate = ExpertLinear(config, rngs, embed, ffn)
        self.up = ExpertLinear(config, rngs, embed, ffn)
        self.down = ExpertLinear(config, rngs, ffn, embed)

    def __call__(
        self, x_BxTxD: jax.Array, time: str, replayed_BxTxk: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """What the experts give [B, T, D], the router's scores [B, T, E] float32, and the experts chosen [B, T, k].

        Args:
            time: the logical axis of T.
            replayed_BxTxk: experts that are taken instead of the best ones.
        """
        logits_BxTxE = self.router(x_BxTxD).astype(jnp.float32)
        probabilities = jax.nn.softmax(logits_BxTxE, axis=-1)
        if replayed_BxTxk is None:
            chosen_BxTxk = jax.lax.top_k(probabilities, self.config.experts_per_token)[1]
        else:
            chosen_BxTxk = replayed_BxTxk
        weights_BxTxk = jnp.take_along_axis(probabilities, chosen_BxTxk, axis=-1)
        if self.config.normalized_experts:
            weights_BxTxk = weights_BxTxk / weights_BxTxk.sum(axis=-1, keepdims=True)
        matrices = tuple(m.weight.astype(x_BxTxD.dtype) for m in (self.gate, self.up, self.down))
        given = _over_mesh(x_BxTxD, chosen_BxTxk, weights_BxTxk.astype(x_BxTxD.dtype), matrices, time)
        return given, logits_BxTxE, chosen_BxTxk


def routing(logits_BxTxE: jax.Array, chosen_BxTxk: jax.Array, segments_BxT: jax.Array) -> Routing:
    """The router's choices and their losses. Padding (segment 0) has none."""
    real_BxT = segments_BxT > 0
    E = logits_BxTxE.shape[-1]
    probabilities = jax.nn.softmax(logits_BxTxE, axis=-1)
    used_BxTxE = jax.nn.one_hot(chosen_BxTxk, E).mean(axis=-2)
    balance_BxT = jax.vmap(_segment_balance)(used_BxTxE, probabilities, segments_BxT)
    z_BxT = jnp.square(jax.nn.logsumexp(logits_BxTxE, axis=-1))
    return Routing(chosen_BxTxk, jnp.where(real_BxT, balance_BxT, 0.0), jnp.where(real_BxT, z_BxT, 0.0))


def _segment_balance(used_TxE: jax.Array, probabilities_TxE: jax.Array, segments_T: jax.Array) -> jax.Array:
    T, E = used_TxE.shape
    total = partial(jax.ops.segment_sum, segment_ids=segments_T, num_segments=T + 1)
    counts = jnp.maximum(total(jnp.ones(T)), 1)[:, None]
    shares = (total(used_TxE) / counts) * (total(probabilities_TxE) / counts)
    return E * shares.sum(axis=-1)[segments_T]


def _over_mesh(
    x_BxTxD: jax.Array,
    chosen_BxTxk: jax.Array,
    weights_BxTxk: jax.Array,
    matrices: tuple[jax.Array, ...],
    time: str,
) -> jax.Array:
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return _grouped(x_BxTxD, chosen_BxTxk, weights_BxTxk, matrices, 0)
    tokens = partition_spec(mesh, ("batch", time, "hidden"), x_BxTxD.shape, name="tokens for experts")
    wide = partition_spec(mesh, ("experts", "hidden", "ffn"), matrices[0].shape, name="experts")
    narrow = PartitionSpec(wide[0], wide[2], wide[1])

    def local(x: jax.Array, chosen: jax.Array, weights: jax.Array, *matrices: jax.Array) -> jax.Array:
        split = mesh.shape["expert"] > 1
        if split:
            x, chosen, weights = (
                jax.lax.all_gather(a, "expert", axis=0, tiled=True) for a in (x, chosen, weights)
            )
        first = jax.lax.axis_index("expert") * matrices[0].shape[0]
        given = _grouped(x, chosen, weights, matrices, first)
        if mesh.shape["tensor"] > 1:
            given = jax.lax.psum(given, "tensor")
        return jax.lax.psum_scatter(given, "expert", scatter_dimension=0, tiled=True) if split else given

    return jax.shard_map(
        local, in_specs=(tokens, tokens, tokens, wide, wide, narrow), out_specs=tokens, check_vma=False
    )(x_BxTxD, chosen_BxTxk, weights_BxTxk, *matrices)


def _grouped(
    x_BxTxD: jax.Array,
    chosen_BxTxk: jax.Array,
    weights_BxTxk: jax.Array,
    matrices: tuple[jax.Array, ...],
    first: int | jax.Array,
) -> jax.Array:
    """What experts `first` and following give for all tokens, [B, T, D]; zero for tokens that go elsewhere."""
    D, k = x_BxTxD.shape[-1], chosen_BxTxk.shape[-1]
    gate_ExDxF, up_ExDxF, down_ExFxD = matrices
    E = gate_ExDxF.shape[0]
    x_txD = x_BxTxD.reshape(-1, D)
    expert_tk = chosen_BxTxk.reshape(-1) - first
    here_tk = (expert_tk >= 0) & (expert_tk < E)
    expert_tk = jnp.where(here_tk, expert_tk, E)
    # A token has k experts, no more than there are here: later places are never filled.
    order_r = jnp.argsort(expert_tk, stable=True)[: x_txD.shape[0] * min(k, E)]
    sizes_E = jnp.bincount(expert_tk, length=E + 1)[:E].astype(jnp.int32)
    # Rows past the groups belong to no expert here: neither what they yield nor its gradient counts.
    here_r = here_tk[order_r]
    rows_rxD = jnp.where(here_r[:, None], x_txD[order_r // k], 0)
    gate_rxF = checkpoint_name(grouped_product(rows_rxD, gate_ExDxF, sizes_E), "ffn")
    up_rxF = checkpoint_name(grouped_product(rows_rxD, up_ExDxF, sizes_E), "ffn")
    out_rxD = grouped_product(jax.nn.silu(gate_rxF) * up_rxF, down_ExFxD, sizes_E)
    weights_r = jnp.where(here_r, weights_BxTxk.reshape(-1)[order_r], 0)
    out_rxD = jnp.where(here_r[:, None], out_rxD, 0) * weights_r[:, None]
    return jnp.zeros_like(x_txD).at[order_r // k].add(out_rxD).reshape(x_BxTxD.shape)
