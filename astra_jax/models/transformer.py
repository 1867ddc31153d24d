"""A decoder-only transformer: one set of weights, one path for training and one for generation."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.attention import cached_attention, packed_attention
from astra_jax.models.block import Angles, Block
from astra_jax.models.cache import KVCache, LayerCache
from astra_jax.models.config import ModelConfig
from astra_jax.models.norm import RMSNorm
from astra_jax.models.parameter import matrix
from astra_jax.models.rope import rotary_angles
from astra_jax.sharding import constrain

# Layers that are not worth a loop: a nano model's gradient is an eighth faster on CPU without one.
SHALLOW = 4

_SAVED = {
    "attention": jax.checkpoint_policies.save_only_these_names("attention"),
    "full": jax.checkpoint_policies.nothing_saveable,
}


class Transformer(nnx.Module):
    """Llama and Qwen3, by `config`. Shapes use the letters of `ModelConfig`."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        table = {"vocab": config.vocab_size, "embed": config.hidden_size}
        self.config = config
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
        parents = jnp.zeros_like(segment_ids_BxT) if parent_ids_BxT is None else parent_ids_BxT

        def attend(q: jax.Array, k: jax.Array, v: jax.Array) -> tuple[jax.Array, None]:
            return packed_attention(q, k, v, segment_ids_BxT, parents), None

        graph, stacked = nnx.split(self.layers)
        angles = self._angles(positions_BxT)

        def layer(x_BxTxD: jax.Array, weights: nnx.State) -> tuple[jax.Array, None]:
            x_BxTxD, _ = nnx.merge(graph, weights)(x_BxTxD, angles, attend)
            return _spread(x_BxTxD), None

        step, depth = _remat(layer, self.config.remat), self.config.num_layers
        x_BxTxD, _ = jax.lax.scan(
            step, _spread(self._embed(tokens_BxT)), stacked, unroll=depth if depth <= SHALLOW else 1
        )
        return self.final_norm(x_BxTxD)

    def extend(
        self, tokens_BxT: jax.Array, positions_BxT: jax.Array, cache: KVCache
    ) -> tuple[jax.Array, KVCache]:
        """Generation: reads T new tokens of each row; returns their hidden states [B, T, D] and the cache.

        Args:
            positions_BxT: where each token stands in its row, which is also its cache entry; -1 is padding,
                written nowhere. Entries before a row's first new position must have been written.
        """
        angles = self._angles(positions_BxT)
        x_BxTxD = constrain(self._embed(tokens_BxT), "batch", "step", "hidden", name="hidden states")
        layers = []
        for block, old in zip(self._unstack(), cache.layers, strict=True):

            def attend(q: jax.Array, k: jax.Array, v: jax.Array, old: LayerCache = old) -> tuple:
                new = old.write(k, v, positions_BxT)
                return cached_attention(q, new, positions_BxT), new

            x_BxTxD, layer = block(x_BxTxD, angles, attend)
            layers.append(layer)
        return self.final_norm(x_BxTxD), KVCache(tuple(layers))

    def logits(self, hidden_BxTxD: jax.Array) -> jax.Array:
        """Scores of the next token, [B, T, V] float32."""
        table = self.embedding if self.config.tie_embeddings else self.unembedding
        table_VxD = table.astype(self.config.compute_dtype)
        rows = hidden_BxTxD.reshape(-1, hidden_BxTxD.shape[-1])  # a plain matrix product, as in `Linear`
        logits = jnp.einsum("rd,vd->rv", rows, table_VxD, preferred_element_type=jnp.float32)
        return logits.reshape(*hidden_BxTxD.shape[:-1], -1)

    def unstacked(self) -> Transformer:
        """The same model with its layers apart: `extend` then slices no weights.

        A loop of decoding steps makes it once, before the loop. Only for generation.
        """
        model = copy(self)
        model.layers = nnx.List(self._unstack())
        return model

    def _unstack(self) -> list[Block]:
        if isinstance(self.layers, nnx.List):
            return list(self.layers)
        graph, stacked = nnx.split(self.layers)
        return [
            nnx.merge(graph, jax.tree.map(lambda weight: weight[layer], stacked))  # noqa: B023
            for layer in range(self.config.num_layers)
        ]

    def _embed(self, tokens_BxT: jax.Array) -> jax.Array:
        return self.embedding[tokens_BxT].astype(self.config.compute_dtype)

    def _angles(self, positions_BxT: jax.Array) -> Angles:
        return rotary_angles(positions_BxT, self.config.head_dim, self.config.rope_theta)


def _spread(x_BxTxD: jax.Array) -> jax.Array:
    return constrain(x_BxTxD, "batch", "time", "hidden", name="hidden states")


def _remat(layer: Callable, policy: str) -> Callable:
    return layer if policy == "none" else jax.checkpoint(layer, policy=_SAVED[policy], prevent_cse=False)
