"""Decoding's kernel for TPUs equals XLA's attention over a cache, and leaves the same cache."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas import tpu as pltpu

from astra_jax.models import attention
from astra_jax.models.attention import cached_attention
from astra_jax.models.cache import Block, LayerCache, block_lengths
from astra_jax.models.paged import fits_pages
from astra_jax.models.rows import Scores
from tests.astra_jax.simulated import run_script

SCORES = Scores(0.2, 300)  # the window begins in another page than it ends in


def random_cache(rng, slots, kv_heads, size, length, dtype):
    def block(n: int) -> Block:
        keys, values = rng.normal(size=(2, slots, kv_heads, size, n))
        return Block(jnp.array(keys, dtype), jnp.array(values, dtype).swapaxes(2, 3))

    return LayerCache(tuple(map(block, block_lengths(length))))


def random_step(seed, positions, heads, kv_heads, size, length, dtype):
    rng = np.random.default_rng(seed)
    slots = len(positions)
    cache = random_cache(rng, slots, kv_heads, size, length, dtype)
    q, k, v = (jnp.array(rng.normal(size=(slots, 1, n, size)), dtype) for n in (heads, kv_heads, kv_heads))
    return q, k, v, cache, jnp.array(positions, jnp.int32)[:, None]


def check_step(found, expected, positions, length, tolerance):
    """Heads of slots with a token are close, all are finite, and the caches equal."""
    active = (np.array(positions) >= 0) & (np.array(positions) < length)
    heads, exact = (np.asarray(step[0], np.float32) for step in (found, expected))
    np.testing.assert_allclose(heads[active], exact[active], atol=tolerance)
    assert np.isfinite(heads).all()
    jax.tree.map(np.testing.assert_array_equal, found[1], expected[1])


@pytest.mark.parametrize(
    ("positions", "heads", "kv_heads", "size", "length", "sliding", "cores", "dtype"),
    [
        # Edges of blocks, idle slots (past the end is one too), a cut last block.
        ([0, 255, 256, -1, 1300], 4, 2, 16, 1408, False, 1, jnp.float32),
        ([0, 255, 256, -1, 1300], 4, 2, 16, 1408, True, 1, jnp.float32),
        ([-1, 383, 127, 384], 2, 2, 8, 384, False, 2, jnp.float32),
        pytest.param([700, 301, -1], 8, 1, 32, 768, True, 1, jnp.bfloat16, marks=pytest.mark.slow),
    ],
)
def test_the_kernel_equals_xla_and_leaves_the_same_cache(
    monkeypatch, capfd, positions, heads, kv_heads, size, length, sliding, cores, dtype
):
    step = random_step(len(positions), positions, heads, kv_heads, size, length, dtype)
    expected, cache = cached_attention(*step, SCORES, sliding, kernel="xla")
    monkeypatch.setattr(attention, "device_cores", lambda: cores)
    # A simulated TPU, whose fast memory starts as NaNs, and which watches copies and their readers for races.
    with pltpu.force_tpu_interpret_mode(pltpu.InterpretParams(detect_races=True)):
        heads, kept = jax.jit(partial(cached_attention, scores=SCORES, sliding=sliding, kernel="paged"))(
            *step
        )
    tolerance = 1e-6 if dtype == jnp.float32 else 0.02
    check_step((heads, kept), (expected, cache), positions, length, tolerance)
    assert "RACE" not in "".join(capfd.readouterr())


def test_pages_are_multiples_of_128_entries():
    assert fits_pages(
        jax.eval_shape(partial(random_cache, np.random.default_rng(0), 1, 1, 8, 896, jnp.float32))
    )
    assert not fits_pages(random_cache(np.random.default_rng(0), 1, 1, 8, 300, jnp.float32))


MESH = """
import jax, numpy as np
from astra_jax.models.cache import CACHE_AXES
from astra_jax.sharding import make_mesh, named_sharding
from tests.astra_jax.models.test_paged import SCORES, cached_attention, jnp, partial, pltpu, random_step

q, k, v, cache, positions = random_step(0, [5, 383, 0, 130], 4, 2, 16, 384, jnp.float32)
expected, written = cached_attention(q, k, v, cache, positions, SCORES, kernel="xla")
mesh = make_mesh(data=2, tensor=2)
spread = jax.tree.map(
    lambda x: jax.device_put(x, named_sharding(mesh, CACHE_AXES, x.shape, name="cache")), cache
)
with jax.set_mesh(mesh), pltpu.force_tpu_interpret_mode(pltpu.InterpretParams()):
    step = jax.jit(partial(cached_attention, scores=SCORES, kernel="paged"))
    heads, kept = step(q, k, v, spread, positions)
np.testing.assert_allclose(heads, expected, atol=1e-6)
jax.tree.map(np.testing.assert_array_equal, kept, written)
assert [x.sharding.spec[:2] for x in jax.tree.leaves(kept)] == [("data", "tensor")] * 4
"""


@pytest.mark.slow
def test_over_a_mesh_each_device_attends_with_its_slots_and_heads():
    run_script(MESH, devices=4)
