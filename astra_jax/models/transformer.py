"""A decoder-only transformer: one set of weights, one path for training and one for generation."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.attention import cached_attention, packed_attention
from astra_jax.models.block import Block
from astra_jax.models.cache import KVCache, LayerCache
from astra_jax.models.config import LayerKind, ModelConfig, Rope
from astra_jax.models.experts import Experts, Routing, routing
from astra_jax.models.linear import Linear
from astra_jax.models.norm import RMSNorm
from astra_jax.models.parameter import matrix
from astra_jax.models.rope import Angles, rotary_angles
from astra_jax.models.rows import Rows, Scores
from astra_jax.models.vocabulary import Scorer, embed, logits, scorer
from astra_jax.sharding import constrain, parts_of_rows, row_order

# Layers that are not worth a loop: a nano model's gradient is an eighth faster on CPU without one.
SHALLOW = 4

_SAVED = {
    "attention": jax.checkpoint_policies.save_only_these_names("attention"),
    "projections": jax.checkpoint_policies.save_only_these_names("attention", "projection"),
    "products": jax.checkpoint_policies.save_only_these_names("attention", "projection", "ffn"),
    "full": jax.checkpoint_policies.nothing_saveable,
    "offload": jax.checkpoint_policies.save_and_offload_only_these_names(
        names_which_can_be_saved=[],
        names_which_can_be_offloaded=["layer_input"],
        offload_src="device",
        offload_dst="pinned_host",
    ),
}


class Transformer(nnx.Module):
    """All families, by `config`. Shapes use the letters of `ModelConfig`."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        table = {"vocab": config.vocab_size, "embed": config.hidden_size}
        self.config = config
        self.outputs_first = False  # see `unstacked`
        self.embedding = matrix(config, rngs, table)
        self.layers = Block(config, rngs)
        self.final_norm = RMSNorm(config, {"embed": config.hidden_size})
        if not config.tie_embeddings:
            self.unembedding = matrix(config, rngs, table)

    def __call__(
        self,
        tokens_BxT: jax.Array,
        positions_BxT: jax.Array,
        segment_ids_BxT: jax.Array,
        parent_ids_BxT: jax.Array | None = None,
    ) -> jax.Array:
        """Training: final hidden states [B, T, D] of packed rows.

        Args:
            positions_BxT: position of each token in its own sequence (for RoPE).
            segment_ids_BxT: which sequence of the row a token is of; 0 is padding.
            parent_ids_BxT: the segment that comes before this one, seen as its prefix; 0 is none. A group's
                prompt is so packed once for all its completions.
        """
        return self.forward(tokens_BxT, positions_BxT, segment_ids_BxT, parent_ids_BxT)[0]

    def forward(
        self,
        tokens_BxT: jax.Array,
        positions_BxT: jax.Array,
        segment_ids_BxT: jax.Array,
        parent_ids_BxT: jax.Array | None = None,
        *,
        replayed_LxBxTxk: jax.Array | None = None,
        routed: bool = False,
    ) -> tuple[jax.Array, Routing | None]:
        """As a call, with the routing of a mixture's tokens: that of each layer, [L, B, T, ...].

        Args:
            replayed_LxBxTxk: experts that are taken instead of the best ones, such as those that a sampler took.
            routed: whether the routing is wanted; without it none is given.
        """
        index_BxT = jnp.broadcast_to(row_order(tokens_BxT.shape[1], parts_of_rows()), tokens_BxT.shape)
        rows = Rows(index_BxT, segment_ids_BxT, parent_ids_BxT, positions_BxT)
        scores, angles = Scores.of(self.config), self._angles(positions_BxT)
        graph, stacked = nnx.split(self.layers)

        def layer(x_BxTxD: jax.Array, of_layer: tuple) -> tuple[jax.Array, Routing | None]:
            weights, kind, replayed_BxTxk = of_layer
            kind = kind or self.config.layer_kinds[0]

            def attend(q: jax.Array, k: jax.Array, v: jax.Array) -> tuple[jax.Array, None]:
                return packed_attention(q, k, v, rows, scores, kind.sliding), None

            def mix(experts: Experts, x_BxTxD: jax.Array) -> tuple[jax.Array, Routing | None]:
                given, logits, chosen = experts(x_BxTxD, "time", replayed_BxTxk)
                return given, routing(logits, chosen, segment_ids_BxT) if routed else None

            x_BxTxD, _, chosen = nnx.merge(graph, weights)(x_BxTxD, _chosen(angles, kind), attend, mix)
            return _spread(x_BxTxD), chosen

        step, depth = _remat(layer, self.config.remat), self.config.num_layers
        x_BxTxD, routings = jax.lax.scan(
            step,
            _spread(self._embed(tokens_BxT, "time")),
            (stacked, _stacked_kinds(self.config), replayed_LxBxTxk),
            unroll=depth if depth <= SHALLOW else 1,
        )
        return self.final_norm(x_BxTxD), routings

    def extend(
        self,
        tokens_BxT: jax.Array,
        positions_BxT: jax.Array,
        cache: KVCache,
        row_B: jax.Array | None = None,
    ) -> tuple[jax.Array, KVCache]:
        """Generation: reads T new tokens of each row; returns their hidden states [B, T, D] and the cache.

        Args:
            positions_BxT: where each token stands in its row, which is also its cache entry; -1 is padding,
                written nowhere. Entries before a row's first new position must have been written.
            row_B: which rows of the cache the tokens are of, where they are not of all in order. Tokens of a row out
                of range are written nowhere.
        """
        angles, scores = self._angles(positions_BxT), Scores.of(self.config)
        x_BxTxD = constrain(self._embed(tokens_BxT, "step"), "batch", "step", "hidden", name="hidden states")
        layers = []
        for block, old, kind in zip(self._unstack(), cache.layers, self.config.layer_kinds, strict=True):

            def attend(
                q: jax.Array, k: jax.Array, v: jax.Array, old: LayerCache = old, kind: LayerKind = kind
            ) -> tuple:
                return cached_attention(q, k, v, old, positions_BxT, scores, kind.sliding, row_B)

            def mix(experts: Experts, x_BxTxD: jax.Array) -> tuple[jax.Array, None]:
                return experts(x_BxTxD, "step")[0], None

            x_BxTxD, layer, _ = block(x_BxTxD, angles[kind.rope], attend, mix)
            layers.append(layer)
        return self.final_norm(x_BxTxD), KVCache(tuple(layers))

    def logits(self, hidden_BxTxD: jax.Array) -> jax.Array:
        """Scores of the next token, [B, T, V] float32."""
        config = self.config
        return logits(
            self._table(), hidden_BxTxD, config.compute_dtype, config.logit_softcap, self.outputs_first
        )

    def scorer(self) -> Scorer:
        """Scores hidden states by the token that follows; see `vocabulary.scorer`."""
        return scorer(self._table(), self.config.compute_dtype, self.config.logit_softcap)

    def unstacked(self, outputs_first: bool = False) -> Transformer:
        """The same model with its layers apart: `extend` then slices no weights.

        A loop of decoding steps makes it once, before the loop. Only for generation.

        Args:
            outputs_first: whether linear maps keep their weights as [outputs, inputs], for products of a CPU with few
                rows (`outputs_first_product`). Not of a model whose layers are apart already.
        """
        model = copy(self)
        model.layers = nnx.List(self._unstack())
        if outputs_first:
            model.outputs_first = True
            for _, module in nnx.iter_modules(model.layers):
                if isinstance(module, Linear):
                    module.put_outputs_first()
        return model

    def _unstack(self) -> list[Block]:
        if isinstance(self.layers, nnx.List):
            return list(self.layers)
        graph, stacked = nnx.split(self.layers)
        return [
            nnx.merge(graph, jax.tree.map(lambda weight: weight[layer], stacked))  # noqa: B023
            for layer in range(self.config.num_layers)
        ]

    def _embed(self, tokens_BxT: jax.Array, time: str) -> jax.Array:
        x_BxTxD = embed(self.embedding[...], tokens_BxT, self.config.compute_dtype, time)
        return x_BxTxD * jnp.asarray(self.config.embed_scale, x_BxTxD.dtype)

    def _table(self) -> jax.Array:
        return (self.embedding if self.config.tie_embeddings else self.unembedding)[...]

    def _angles(self, positions_BxT: jax.Array) -> dict[Rope, Angles]:
        ropes: set[Rope] = {kind.rope for kind in self.config.layer_kinds}
        return {rope: rotary_angles(positions_BxT, self.config, rope) for rope in sorted(ropes)}


def abstract_model(config: ModelConfig) -> Transformer:
    """A model whose weights are shapes: nothing is drawn."""
    return nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0)))


class _Kinds(NamedTuple):
    """`LayerKind` of all layers, [L], with the rope's number among those of the model."""

    sliding: jax.Array
    rope: jax.Array


def _stacked_kinds(config: ModelConfig) -> _Kinds | None:
    """None where all layers are alike."""
    kinds = config.layer_kinds
    if len(set(kinds)) == 1:
        return None
    ropes = sorted({kind.rope for kind in kinds})
    numbers = jnp.array([ropes.index(kind.rope) for kind in kinds], jnp.int32)
    return _Kinds(jnp.array([kind.sliding for kind in kinds]), numbers)


def _chosen(angles: dict[Rope, Angles], kind: LayerKind | _Kinds) -> Angles:
    """Those of a layer."""
    if isinstance(kind, LayerKind):
        return angles[kind.rope]
    return jax.tree.map(lambda *of_ropes: jax.lax.select_n(kind.rope, *of_ropes), *angles.values())


def _spread(x_BxTxD: jax.Array) -> jax.Array:
    return constrain(x_BxTxD, "batch", "time", "hidden", name="hidden states")


def _remat(layer: Callable, policy: str) -> Callable:
    return layer if policy == "none" else jax.checkpoint(layer, policy=_SAVED[policy], prevent_cse=False)
