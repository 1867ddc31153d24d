"""Root-mean-square norm (arXiv 1910.07467)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from astra_jax.models.config import ModelConfig
from astra_jax.models.parameter import Sizes, constant


class RMSNorm(nnx.Module):
    """Norm of the last axis, in float32 whatever the input; a leading `layers` axis when stacked."""

    def __init__(self, config: ModelConfig, sizes: Sizes):
        self.eps, self.offset = config.norm_eps, config.norm_offset
        self.scale = constant(config, 1.0 - config.norm_offset, sizes)

    def __call__(self, x: jax.Array) -> jax.Array:
        x32 = x.astype(jnp.float32)
        inverse = jax.lax.rsqrt(jnp.mean(jnp.square(x32), axis=-1, keepdims=True) + self.eps)
        return (x32 * inverse * (self.offset + self.scale.astype(jnp.float32))).astype(x.dtype)
