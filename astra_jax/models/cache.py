"""Keys and values of what a model has already read."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from astra_jax.models.config import ModelConfig


@struct.dataclass
class KVCache:
    """Entry s of a row holds the key and value of the token at position s."""

    keys_LxBxSxKxH: jax.Array
    values_LxBxSxKxH: jax.Array

    @property
    def length(self) -> int:
        return self.keys_LxBxSxKxH.shape[2]


def init_cache(config: ModelConfig, batch: int, length: int) -> KVCache:
    """An empty cache of `batch` rows for positions 0 to `length - 1`, in the compute dtype."""
    shape = (config.num_layers, batch, length, config.num_kv_heads, config.head_dim)
    return KVCache(jnp.zeros(shape, config.compute_dtype), jnp.zeros(shape, config.compute_dtype))
