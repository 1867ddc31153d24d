"""One layer: attention and feed-forward, each behind a norm and a residual.

Every parameter carries a leading `layers` axis of size L: the stack is one `Block`, and the transformer scans
over slices of it. Inside the scan a `Block` holds the slice, without that axis.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from astra_jax.models.config import ModelConfig
from astra_jax.models.norm import RMSNorm
from astra_jax.models.parameter import constant, matrix
from astra_jax.models.rope import rotate

Angles = tuple[jax.Array, jax.Array]
Attend = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]  # (q, k, v) -> [B, T, N, H]


class Attention(nnx.Module):
    """Projections of grouped-query attention; who sees whom is the caller's `attend`."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        L, D = config.num_layers, config.hidden_size
        N, K, H = config.num_heads, config.num_kv_heads, config.head_dim
        self.dtype = config.compute_dtype
        self.query = matrix(config, rngs, layers=L, embed=D, heads=N, head_dim=H)
        self.key = matrix(config, rngs, layers=L, embed=D, kv_heads=K, head_dim=H)
        self.value = matrix(config, rngs, layers=L, embed=D, kv_heads=K, head_dim=H)
        self.output = matrix(config, rngs, layers=L, heads=N, head_dim=H, embed=D)
        if config.attention_bias:
            self.query_bias = constant(config, 0.0, layers=L, heads=N, head_dim=H)
            self.key_bias = constant(config, 0.0, layers=L, kv_heads=K, head_dim=H)
            self.value_bias = constant(config, 0.0, layers=L, kv_heads=K, head_dim=H)
            self.output_bias = constant(config, 0.0, layers=L, embed=D)
        if config.qk_norm:
            self.query_norm = RMSNorm(config, layers=L, head_dim=H)
            self.key_norm = RMSNorm(config, layers=L, head_dim=H)
        self.has_bias, self.has_norm = config.attention_bias, config.qk_norm

    def __call__(self, x_BxTxD: jax.Array, angles: Angles, attend: Attend) -> jax.Array:
        q, k, v = self._project(x_BxTxD)
        if self.has_norm:
            q, k = self.query_norm(q), self.key_norm(k)
        heads_BxTxNxH = checkpoint_name(attend(rotate(q, angles), rotate(k, angles), v), "attention")
        out = jnp.einsum("btnh,nhd->btd", heads_BxTxNxH, self.output.astype(self.dtype))
        return out + self.output_bias.astype(self.dtype) if self.has_bias else out

    def _project(self, x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        q, k, v = (
            jnp.einsum("btd,dnh->btnh", x, weight.astype(self.dtype))
            for weight in (self.query, self.key, self.value)
        )
        if self.has_bias:
            q, k, v = q + self.query_bias[...], k + self.key_bias[...], v + self.value_bias[...]
        return q.astype(self.dtype), k.astype(self.dtype), v.astype(self.dtype)


class FeedForward(nnx.Module):
    """SwiGLU (arXiv 2002.05202)."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        L, D, F = config.num_layers, config.hidden_size, config.ffn_size
        self.dtype = config.compute_dtype
        self.gate = matrix(config, rngs, layers=L, embed=D, ffn=F)
        self.up = matrix(config, rngs, layers=L, embed=D, ffn=F)
        self.down = matrix(config, rngs, layers=L, ffn=F, embed=D)
        if config.ffn_bias:
            self.gate_bias = constant(config, 0.0, layers=L, ffn=F)
            self.up_bias = constant(config, 0.0, layers=L, ffn=F)
            self.down_bias = constant(config, 0.0, layers=L, embed=D)
        self.has_bias = config.ffn_bias

    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        gate_BxTxF = self._linear(x_BxTxD, "gate")
        up_BxTxF = self._linear(x_BxTxD, "up")
        return self._linear(jax.nn.silu(gate_BxTxF) * up_BxTxF, "down")

    def _linear(self, x: jax.Array, name: str) -> jax.Array:
        y = x @ getattr(self, name).astype(self.dtype)
        return y + getattr(self, f"{name}_bias").astype(self.dtype) if self.has_bias else y


class Block(nnx.Module):
    """Pre-norm residual layer."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        sizes = {"layers": config.num_layers, "embed": config.hidden_size}
        self.attention_norm = RMSNorm(config, **sizes)
        self.attention = Attention(config, rngs)
        self.ffn_norm = RMSNorm(config, **sizes)
        self.ffn = FeedForward(config, rngs)

    def __call__(self, x_BxTxD: jax.Array, angles: Angles, attend: Attend) -> jax.Array:
        x_BxTxD = x_BxTxD + self.attention(self.attention_norm(x_BxTxD), angles, attend)
        return x_BxTxD + self.ffn(self.ffn_norm(x_BxTxD))
