"""Decoding row by row on a CPU equals XLA's attention over a cache, and leaves the same cache."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.attention import cached_attention
from astra_jax.models.ragged import TILE, fits_rows
from tests.astra_jax.models.test_paged import SCORES, check_step, random_cache, random_step
from tests.astra_jax.simulated import run_script


def attend(step, sliding=False):
    return jax.jit(partial(cached_attention, scores=SCORES, sliding=sliding, kernel="ragged"))(*step)


@pytest.mark.parametrize(
    ("positions", "heads", "kv_heads", "size", "length", "sliding"),
    [
        # Edges of tiles and of blocks, idle slots, a cut last block.
        ([0, TILE - 1, TILE, 255, 256, -1, 1300], 4, 2, 16, 1408, False),
        ([0, TILE - 1, TILE, 255, 256, -1, 1300], 4, 2, 16, 1408, True),
        ([-1, 299, 127, 300, 40], 3, 1, 32, 300, False),  # a last tile that begins in the one before
        ([-1, 9, 10], 4, 2, 16, 10, False),  # a block smaller than a tile
        ([700, 699, 298, 299, 300, 301, 2000], 9, 3, 64, 700, True),  # past the end
    ],
)
def test_it_equals_xla_and_leaves_the_same_cache(positions, heads, kv_heads, size, length, sliding):
    step = random_step(len(positions), positions, heads, kv_heads, size, length, jnp.float32)
    expected = cached_attention(*step, SCORES, sliding, kernel="xla")
    check_step(attend(step, sliding), expected, positions, length, 1e-6)


def test_in_half_precision_it_is_as_near_as_that_allows():
    positions = [700, 301, -1]
    step = random_step(0, positions, 8, 1, 32, 768, jnp.bfloat16)
    expected = cached_attention(*step, SCORES, True, kernel="xla")
    check_step(attend(step, True), expected, positions, 768, 0.02)


def test_a_rows_bits_are_its_own_whatever_the_others_are():
    positions = [5, 700, 130, 511, 64, -1]
    q, k, v, cache, at = random_step(1, positions, 6, 3, 64, 768, jnp.float32)
    together = attend((q, k, v, cache, at))[0]
    for row, position in enumerate(positions[:-1]):
        alone = jnp.full_like(at, -1).at[row].set(position)
        np.testing.assert_array_equal(attend((q, k, v, cache, alone))[0][row], together[row])
    moved = [jnp.roll(x, 1, axis=0) for x in (q, k, v)]
    shifted = attend(
        (*moved, jax.tree.map(partial(jnp.roll, shift=1, axis=0), cache), jnp.roll(at, 1, axis=0))
    )
    np.testing.assert_array_equal(jnp.roll(shifted[0], -1, axis=0), together)


def test_what_a_cache_holds_past_a_token_is_never_seen():
    step = random_step(0, [70, 3], 4, 2, 16, 256, jnp.float32)
    q, k, v, cache, positions = step
    after = np.arange(256) > np.asarray(positions)
    block = cache.blocks[0]
    spoilt = block.replace(
        keys_BxKxHxS=jnp.where(after[:, None, None], 1e30, block.keys_BxKxHxS),
        values_BxKxSxH=jnp.where(after[:, None, :, None], 1e30, block.values_BxKxSxH),
    )
    found = attend((q, k, v, cache.replace(blocks=(spoilt,)), positions))[0]
    np.testing.assert_array_equal(found, attend(step)[0])


@pytest.mark.parametrize(("kv_heads", "size", "fits"), [(3, 64, True), (8, 128, True), (2, 32, False)])
def test_a_cpu_takes_it_by_itself_where_rows_are_large(kv_heads, size, fits):
    cache = jax.eval_shape(
        partial(random_cache, np.random.default_rng(0), 1, kv_heads, size, 256, jnp.float32)
    )
    assert fits_rows(cache) == fits
    step = random_step(0, [70, 3], kv_heads, kv_heads, size, 256, jnp.float32)
    taken = jax.make_jaxpr(partial(cached_attention, scores=SCORES))(*step)
    named = jax.make_jaxpr(partial(cached_attention, scores=SCORES, kernel="ragged" if fits else "xla"))(
        *step
    )
    assert str(taken) == str(named)


MESH = """
import jax, jax.numpy as jnp, numpy as np
from functools import partial
from astra_jax.models.attention import cached_attention
from astra_jax.models.cache import CACHE_AXES
from astra_jax.sharding import make_mesh, named_sharding
from tests.astra_jax.models.test_paged import SCORES, random_step

q, k, v, cache, positions = random_step(0, [5, 700, 130, -1], 6, 2, 64, 768, jnp.float32)
step = partial(cached_attention, scores=SCORES, kernel="ragged")
expected = jax.jit(step)(q, k, v, cache, positions)
mesh = make_mesh(data=2, tensor=2)
spread = jax.tree.map(lambda x: jax.device_put(x, named_sharding(mesh, CACHE_AXES, x.shape, name="cache")), cache)
with jax.set_mesh(mesh):
    found = jax.jit(step)(q, k, v, spread, positions)
np.testing.assert_allclose(found[0], expected[0], atol=1e-6)
jax.tree.map(np.testing.assert_array_equal, found[1], expected[1])
assert {x.sharding.spec[:2] for x in jax.tree.leaves(found[1])} == {("data", "tensor")}
"""


def test_over_a_mesh_each_device_attends_with_its_rows_and_heads():
    run_script(MESH, devices=4)
