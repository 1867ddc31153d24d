"""One layer: attention and feed-forward, each behind a norm and a residual.

Every parameter carries a leading `layers` axis of size L: the stack is one `Block`, and the transformer scans
over slices of it. Inside the scan a `Block` holds the slice, without that axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from astra_jax.models.config import ModelConfig
from astra_jax.models.linear import Linear
from astra_jax.models.norm import RMSNorm
from astra_jax.models.rope import rotate

Angles = tuple[jax.Array, jax.Array]
# (q, k, v) -> heads [B, T, N, H], and what the caller wants back: the layer's cache, or nothing.
Attend = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, Any]]


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
        self.output = Linear(config, rngs, queries, embed, bias=bias)
        norm = {"layers": config.num_layers, "head_dim": config.head_dim}
        self.query_norm = RMSNorm(config, norm) if config.qk_norm else None
        self.key_norm = RMSNorm(config, norm) if config.qk_norm else None

    def __call__(self, x_BxTxD: jax.Array, angles: Angles, attend: Attend) -> tuple[jax.Array, Any]:
        q_BxTxNxH, k_BxTxKxH = self.query(x_BxTxD), self.key(x_BxTxD)
        if self.query_norm and self.key_norm:
            q_BxTxNxH, k_BxTxKxH = self.query_norm(q_BxTxNxH), self.key_norm(k_BxTxKxH)
        q_BxTxNxH, k_BxTxKxH = rotate(q_BxTxNxH, angles), rotate(k_BxTxKxH, angles)
        heads_BxTxNxH, state = attend(q_BxTxNxH, k_BxTxKxH, self.value(x_BxTxD))
        return self.output(heads_BxTxNxH), state


class FeedForward(nnx.Module):
    """SwiGLU (arXiv 2002.05202)."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        embed, ffn = {"embed": config.hidden_size}, {"ffn": config.ffn_size}
        self.gate = Linear(config, rngs, embed, ffn, bias=config.ffn_bias)
        self.up = Linear(config, rngs, embed, ffn, bias=config.ffn_bias)
        self.down = Linear(config, rngs, ffn, embed, bias=config.ffn_bias)

    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        return self.down(jax.nn.silu(self.gate(x_BxTxD)) * self.up(x_BxTxD))


class Block(nnx.Module):
    """Pre-norm residual layer."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        sizes = {"layers": config.num_layers, "embed": config.hidden_size}
        self.attention_norm = RMSNorm(config, sizes)
        self.attention = Attention(config, rngs)
        self.ffn_norm = RMSNorm(config, sizes)
        self.ffn = FeedForward(config, rngs)

    def __call__(self, x_BxTxD: jax.Array, angles: Angles, attend: Attend) -> tuple[jax.Array, Any]:
        heads_BxTxD, state = self.attention(self.attention_norm(x_BxTxD), angles, attend)
        x_BxTxD = x_BxTxD + heads_BxTxD
        return x_BxTxD + self.ffn(self.ffn_norm(x_BxTxD)), state
