"""One layer: attention and feed-forward, each behind a norm and a residual.

Every parameter carries a leading `layers` axis of size L: the stack is one `Block`, and the transformer scans
over slices of it. Inside the scan a `Block` holds the slice, without that axis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from astra_jax.models.config import ModelConfig
from astra_jax.models.experts import Experts
from astra_jax.models.linear import Linear
from astra_jax.models.norm import RMSNorm
from astra_jax.models.rope import Angles, rotate

# (q, k, v) -> heads [B, T, N, H], and what the caller wants back: the layer's cache, or nothing.
Attend = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, Any]]
# (mixture of experts, x) -> what it gives [B, T, D], and what the caller wants back of the routing.
Mix = Callable[[Experts, jax.Array], tuple[jax.Array, Any]]

ACTIVATIONS = {"silu": jax.nn.silu, "gelu_tanh": partial(jax.nn.gelu, approximate=True)}


_projection = partial(checkpoint_name, name="projection")


class Attention(nnx.Module):
    """Projections of grouped-query attention; who sees whom is the caller's `attend`."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        embed = {"embed": config.hidden_size}
        queries = {"heads": config.num_heads, "head_dim": config.head_dim}
        keys = {"kv_heads": config.num_kv_heads, "head_dim": config.head_dim}
        bias = config.attention_bias
        self.query = Linear(config, rngs, embed, queries, bias=bias)
        self.key = Linear(config, rngs, embed, keys, bias=bias)
        self.value = Linear(config, rngs, embed, keys, bias=bias)
        self.output = Linear(config, rngs, queries, embed, bias=config.output_bias)
        norm = {"layers": config.num_layers, "head_dim": config.head_dim}
        self.query_norm = RMSNorm(config, norm) if config.qk_norm else None
        self.key_norm = RMSNorm(config, norm) if config.qk_norm else None

    def __call__(self, x_BxTxD: jax.Array, angles: Angles, attend: Attend) -> tuple[jax.Array, Any]:
        # Saved as the maps give them: the gradients of norms need what goes in, and rotating again is cheap.
        q_BxTxNxH, k_BxTxKxH = _projection(self.query(x_BxTxD)), _projection(self.key(x_BxTxD))
        if self.query_norm and self.key_norm:
            q_BxTxNxH, k_BxTxKxH = self.query_norm(q_BxTxNxH), self.key_norm(k_BxTxKxH)
        v_BxTxKxH = _projection(self.value(x_BxTxD))
        heads_BxTxNxH, state = attend(rotate(q_BxTxNxH, angles), rotate(k_BxTxKxH, angles), v_BxTxKxH)
        return _projection(self.output(heads_BxTxNxH)), state


class FeedForward(nnx.Module):
    """A gated feed-forward, such as SwiGLU (arXiv 2002.05202)."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        embed, ffn = {"embed": config.hidden_size}, {"ffn": config.ffn_size}
        self.activate = ACTIVATIONS[config.activation]
        self.gate = Linear(config, rngs, embed, ffn, bias=config.ffn_bias)
        self.up = Linear(config, rngs, embed, ffn, bias=config.ffn_bias)
        self.down = Linear(config, rngs, ffn, embed, bias=config.ffn_bias)

    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        gate_BxTxF = checkpoint_name(self.gate(x_BxTxD), "ffn")
        up_BxTxF = checkpoint_name(self.up(x_BxTxD), "ffn")
        return self.down(self.activate(gate_BxTxF) * up_BxTxF)


class Block(nnx.Module):
    """Pre-norm residual layer; with `post_norms` what is added is normed too."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        sizes = {"layers": config.num_layers, "embed": config.hidden_size}
        self.attention_norm = RMSNorm(config, sizes)
        self.attention = Attention(config, rngs)
        self.attention_post_norm = RMSNorm(config, sizes) if config.post_norms else None
        self.ffn_norm = RMSNorm(config, sizes)
        self.ffn = Experts(config, rngs) if config.num_experts else FeedForward(config, rngs)
        self.ffn_post_norm = RMSNorm(config, sizes) if config.post_norms else None

    def __call__(
        self, x_BxTxD: jax.Array, angles: Angles, attend: Attend, mix: Mix
    ) -> tuple[jax.Array, Any, Any]:
        """What the layer gives, and what `attend` and `mix` give back."""
        x_BxTxD = checkpoint_name(x_BxTxD, "layer_input")
        y_BxTxD, state = self.attention(self.attention_norm(x_BxTxD), angles, attend)
        x_BxTxD = x_BxTxD + (self.attention_post_norm(y_BxTxD) if self.attention_post_norm else y_BxTxD)
        normed_BxTxD, routing = self.ffn_norm(x_BxTxD), None
        if isinstance(self.ffn, Experts):
            y_BxTxD, routing = mix(self.ffn, normed_BxTxD)
        else:
            y_BxTxD = self.ffn(normed_BxTxD)
        return x_BxTxD + (self.ffn_post_norm(y_BxTxD) if self.ffn_post_norm else y_BxTxD), state, routing
