"""Keys and values of what a model has already read.

Laid out so that a decoding step's two products, queries with keys and weights with values, run over rows that are
next to each other in memory: keys are kept transposed. One array a layer, because slicing one out of a stack
copies it (both measured on CPU: `docs/models.md`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import struct

from astra_jax.models.config import ModelConfig


@struct.dataclass
class LayerCache:
    """Entry s of a row holds the key and value of its token at position s."""

    keys_BxKxHxS: jax.Array
    values_BxKxSxH: jax.Array

    def write(self, k_BxTxKxH: jax.Array, v_BxTxKxH: jax.Array, positions_BxT: jax.Array) -> LayerCache:
        """The cache with new entries; position -1 is written nowhere."""
        # A negative index would count from the end; one past the end is dropped.
        entry_BxT = jnp.where(positions_BxT < 0, self.keys_BxKxHxS.shape[3], positions_BxT)
        # By row under vmap: the compiler then sees that no row of another device is touched.
        return LayerCache(
            jax.vmap(lambda row, new, entry: row.at[:, :, entry].set(new.transpose(1, 2, 0), mode="drop"))(
                self.keys_BxKxHxS, k_BxTxKxH, entry_BxT
            ),
            jax.vmap(lambda row, new, entry: row.at[:, entry].set(new.swapaxes(0, 1), mode="drop"))(
                self.values_BxKxSxH, v_BxTxKxH, entry_BxT
            ),
        )


@struct.dataclass
class KVCache:
    """One `LayerCache` for each layer. Rows are independent: gather or write them along axis 0 of every leaf."""

    layers: tuple[LayerCache, ...]


def init_cache(config: ModelConfig, batch: int, length: int) -> KVCache:
    """An empty cache of `batch` rows for positions 0 to `length - 1`, in the compute dtype."""
    K, H = config.num_kv_heads, config.head_dim

    def layer() -> LayerCache:
        keys = jnp.zeros((batch, K, H, length), config.compute_dtype)
        return LayerCache(keys, jnp.zeros((batch, K, length, H), config.compute_dtype))

    return KVCache(tuple(layer() for _ in range(config.num_layers)))
