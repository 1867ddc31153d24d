"""Keys and values of what a model has already read.

A row's entries lie in blocks that grow with what lies before them, each an array of its own: XLA's attention skips the
blocks that no row of a batch has reached, and every other block is read where it lies, as a slice would be a copy.
Within a block they lie so that a decoding step's two products, queries with keys and weights with values, run over
rows that are next to each other in memory: keys are kept transposed (measured on CPU: `docs/models.md`).
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jax.sharding import PartitionSpec

from astra_jax.models.config import ModelConfig
from astra_jax.sharding import partition_spec, platform

# Of keys, and of values but for the order of the last two, which no mesh splits.
CACHE_AXES = ("batch", "kv_heads", "head_dim", "step")
FIRST_BLOCK = 256  # entries of the first four blocks


@struct.dataclass
class Block:
    """Some neighbouring entries of all rows."""

    keys_BxKxHxS: jax.Array
    values_BxKxSxH: jax.Array

    @property
    def length(self) -> int:
        return self.keys_BxKxHxS.shape[3]

    def rows(self, row_P: jax.Array | None) -> Block:
        """Those rows alone; all without any."""
        return self if row_P is None else jax.tree.map(lambda x: x.at[row_P].get(mode="clip"), self)

    def write(
        self, k_BxTxKxH: jax.Array, v_BxTxKxH: jax.Array, entry_BxT: jax.Array, row_B: jax.Array | None
    ) -> Block:
        """The block with new entries; those outside it, and those of rows out of range, are dropped."""
        # A negative index would count from the end; one past the end is dropped.
        entry_BxT = jnp.where(entry_BxT < 0, self.length, entry_BxT)
        if row_B is not None and platform() == "tpu":
            return _by_owner(self, k_BxTxKxH, v_BxTxKxH, entry_BxT, row_B)
        if row_B is not None:
            at = (row_B[:, None], slice(None), entry_BxT)
            return Block(
                self.keys_BxKxHxS.at[row_B[:, None], :, :, entry_BxT].set(k_BxTxKxH, mode="drop"),
                self.values_BxKxSxH.at[at].set(v_BxTxKxH, mode="drop"),
            )
        # By row under vmap: the compiler then sees that no row of another device is touched.
        return Block(
            jax.vmap(lambda row, new, entry: row.at[:, :, entry].set(new.transpose(1, 2, 0), mode="drop"))(
                self.keys_BxKxHxS, k_BxTxKxH, entry_BxT
            ),
            jax.vmap(lambda row, new, entry: row.at[:, entry].set(new.swapaxes(0, 1), mode="drop"))(
                self.values_BxKxSxH, v_BxTxKxH, entry_BxT
            ),
        )


def _row_by_row(
    block: Block, k_BxTxKxH: jax.Array, v_BxTxKxH: jax.Array, entry_BxT: jax.Array, row_B: jax.Array
) -> Block:
    """As `write`, each row copied out and back: a TPU's scatter into all of them would move the block to another layout
    and back, whole."""
    rows = block.keys_BxKxHxS.shape[0]
    for i in range(len(row_B)):
        at, here = jnp.clip(row_B[i], 0, rows - 1), (row_B[i] >= 0) & (row_B[i] < rows)
        one = jax.tree.map(lambda x, at=at: jax.lax.dynamic_slice_in_dim(x, at, 1), block)
        entry_1xT = jnp.where(here, entry_BxT[i : i + 1], -1)
        one = one.write(k_BxTxKxH[i : i + 1], v_BxTxKxH[i : i + 1], entry_1xT, None)
        put = partial(jax.lax.dynamic_update_slice_in_dim, start_index=at, axis=0)
        block = jax.tree.map(put, block, one)
    return block


def _by_owner(
    block: Block, k_BxTxKxH: jax.Array, v_BxTxKxH: jax.Array, entry_BxT: jax.Array, row_B: jax.Array
) -> Block:
    """`_row_by_row` on each device of the mesh, with its heads of all new tokens and rows counted from its first."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return _row_by_row(block, k_BxTxKxH, v_BxTxKxH, entry_BxT, row_B)
    of_cache = partition_spec(mesh, CACHE_AXES, block.keys_BxKxHxS.shape, name="cache")

    def local(block: Block, k: Any, v: Any, entry_BxT: Any, row_B: Any) -> Block:
        device = jax.lax.axis_index(of_cache[0]) if of_cache[0] else 0
        return _row_by_row(block, k, v, entry_BxT, row_B - device * block.keys_BxKxHxS.shape[0])

    new, everywhere = PartitionSpec(None, None, of_cache[1]), PartitionSpec()
    specs = (of_cache, new, new, everywhere, everywhere)
    # Devices along an axis over which the cache is not split write the same.
    apart = jax.shard_map(local, in_specs=specs, out_specs=of_cache, check_vma=False)
    return apart(block, k_BxTxKxH, v_BxTxKxH, entry_BxT, row_B)


@struct.dataclass
class LayerCache:
    """Entry s of a row, counted through its blocks, holds the key and value of its token at position s."""

    blocks: tuple[Block, ...]

    def write(
        self,
        k_BxTxKxH: jax.Array,
        v_BxTxKxH: jax.Array,
        positions_BxT: jax.Array,
        row_B: jax.Array | None = None,
    ) -> LayerCache:
        """The cache with new entries; position -1 is written nowhere.

        Args:
            row_B: the rows of the cache that the tokens are of, where they are not all rows in order.
        """
        blocks, start = [], 0
        for block in self.blocks:
            blocks.append(block.write(k_BxTxKxH, v_BxTxKxH, positions_BxT - start, row_B))
            start += block.length
        return LayerCache(tuple(blocks))


@struct.dataclass
class KVCache:
    """One `LayerCache` for each layer. Rows are independent: gather or write them along axis 0 of every leaf."""

    layers: tuple[LayerCache, ...]

    def reached_by(self, entries: int) -> KVCache:
        """The blocks alone that hold the first `entries` of a row."""
        starts = accumulate((block.length for block in self.layers[0].blocks[:-1]), initial=0)
        count = sum(start < entries for start in starts)
        return KVCache(tuple(LayerCache(layer.blocks[:count]) for layer in self.layers))

    def write_row(self, row: KVCache, index: int) -> KVCache:
        """With `row`, a row of the first blocks, as the one at `index`."""

        def written(layer: LayerCache, of: LayerCache) -> LayerCache:
            first, rest = layer.blocks[: len(of.blocks)], layer.blocks[len(of.blocks) :]
            put = jax.tree.map(lambda leaf, values: leaf.at[index].set(values), first, of.blocks)
            return LayerCache((*put, *rest))

        return KVCache(tuple(map(written, self.layers, row.layers)))


def block_lengths(length: int) -> tuple[int, ...]:
    """Entries of the blocks of a row of `length`: 256 four times, 512 and 1,024 and so on twice each, the last one cut
    to fit. Of a row with more than 512 entries no more than half as much again is read."""
    lengths: list[int] = []
    while (done := sum(lengths)) < length:
        lengths.append(min(max(2 ** done.bit_length() // 4, FIRST_BLOCK), length - done))
    return tuple(lengths)


def init_cache(config: ModelConfig, batch: int, length: int) -> KVCache:
    """An empty cache of `batch` rows for positions 0 to `length - 1`, in the compute dtype."""
    K, H = config.num_kv_heads, config.head_dim

    def block(S: int) -> Block:
        keys = jnp.zeros((batch, K, H, S), config.compute_dtype)
        return Block(keys, jnp.zeros((batch, K, S, H), config.compute_dtype))

    def layer() -> LayerCache:
        return LayerCache(tuple(block(S) for S in block_lengths(length)))

    return KVCache(tuple(layer() for _ in range(config.num_layers)))
