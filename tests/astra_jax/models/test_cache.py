"""Tokens of some rows are written into a cache alike, by one scatter or row by row as on a TPU."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from astra_jax.models import cache as cache_module
from astra_jax.models.cache import Block, LayerCache, block_lengths
from tests.astra_jax.simulated import run_script

ROWS, HEADS, SIZE = 8, 2, 4


def random_cache(rng: np.random.Generator) -> LayerCache:
    def block(length: int) -> Block:
        keys = rng.normal(size=(ROWS, HEADS, SIZE, length)).astype(np.float32)
        return Block(jax.numpy.array(keys), jax.numpy.array(keys.swapaxes(2, 3)))

    return LayerCache(tuple(map(block, block_lengths(1024))))


def random_tokens(rng: np.random.Generator):
    """Of four rows: over an edge of blocks, fewer than others, none, and of a row that is not there."""
    k, v = rng.normal(size=(2, 4, 40, HEADS, SIZE)).astype(np.float32)
    positions = np.full((4, 40), -1, np.int32)
    positions[0], positions[1, :5], positions[3] = np.arange(240, 280), np.arange(600, 605), np.arange(40)
    return k, v, positions, np.array([7, 2, 5, ROWS], np.int32)


def test_row_by_row_it_is_the_same_cache(monkeypatch):
    rng = np.random.default_rng(0)
    cache, tokens = random_cache(rng), random_tokens(rng)
    expected = cache.write(*tokens)
    monkeypatch.setattr(cache_module, "platform", lambda: "tpu")
    jax.tree.map(np.testing.assert_array_equal, jax.jit(LayerCache.write)(cache, *tokens), expected)


MESH = """
import jax, numpy as np
from astra_jax.sharding import make_mesh, named_sharding
from tests.astra_jax.models.test_cache import LayerCache, cache_module, random_cache, random_tokens

rng = np.random.default_rng(0)
cache, tokens = random_cache(rng), random_tokens(rng)
expected = cache.write(*tokens)
cache_module.platform = lambda: "tpu"
mesh = make_mesh(data=2, fsdp=2, tensor=2)
spread = jax.tree.map(
    lambda x: jax.device_put(x, named_sharding(mesh, cache_module.CACHE_AXES, x.shape, name="cache")), cache
)
with jax.set_mesh(mesh):
    written = jax.jit(LayerCache.write)(spread, *tokens)
jax.tree.map(np.testing.assert_array_equal, written, expected)
"""


@pytest.mark.slow
def test_over_a_mesh_each_device_writes_its_rows_and_heads():
    run_script(MESH, devices=8)
