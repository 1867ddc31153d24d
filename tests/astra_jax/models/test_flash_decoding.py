"""Decoding's kernel for GPUs equals XLA's attention over a cache, and leaves the same cache."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models import flash_decoding
from astra_jax.models.attention import cached_attention
from astra_jax.models.flash_decoding import fits_tiles
from astra_jax.sharding import MESH_AXES
from tests.astra_jax.models.test_paged import SCORES, check_step, random_cache, random_step

ON_GPU = jax.default_backend() == "gpu"
KERNEL = "flash" if ON_GPU else "interpret"


def compare(step, positions, length, sliding, tolerance):
    expected, cache = cached_attention(*step, SCORES, sliding, kernel="xla")
    attend = partial(cached_attention, scores=SCORES, sliding=sliding, kernel=KERNEL)
    heads, kept = jax.jit(attend)(*step)
    check_step((heads, kept), (expected, cache), positions, length, tolerance)


@pytest.mark.parametrize(
    ("positions", "heads", "kv_heads", "size", "length", "sliding"),
    [
        # Edges of tiles and of blocks, idle slots (past the end is one too), a cut last block.
        ([0, 31, 32, 255, 256, -1, 1300], 4, 2, 16, 1408, False),
        ([0, 31, 32, 255, 256, -1, 1300], 4, 2, 16, 1408, True),
        ([-1, 383, 127, 384], 3, 1, 32, 384, False),  # heads that no power of two counts
        ([700, 299, 300, 301], 34, 2, 16, 768, True),  # more of them than one tensor core's rows
    ],
)
def test_the_kernel_equals_xla_and_leaves_the_same_cache(positions, heads, kv_heads, size, length, sliding):
    step = random_step(len(positions), positions, heads, kv_heads, size, length, jnp.float32)
    with jax.default_matmul_precision("highest"):
        compare(step, positions, length, sliding, 1e-5 if ON_GPU else 1e-6)


def test_in_half_precision_it_is_as_near_as_that_allows():
    positions = [700, 301, -1]
    compare(random_step(0, positions, 8, 1, 32, 768, jnp.bfloat16), positions, 768, True, 0.02)


def test_what_a_cache_holds_past_a_token_is_never_seen():
    q, k, v, cache, positions = random_step(0, [70, 3], 4, 2, 16, 256, jnp.float32)
    keys, values = cache.blocks[0].keys_BxKxHxS, cache.blocks[0].values_BxKxSxH
    after = np.arange(256)[None, :] >= np.asarray(positions)
    block = cache.blocks[0].replace(
        keys_BxKxHxS=jnp.where(after[:, None, None], jnp.nan, keys),
        values_BxKxSxH=jnp.where(after[:, None, :, None], jnp.nan, values),
    )
    attend = partial(cached_attention, scores=SCORES, kernel=KERNEL)
    expected, found = (
        attend(q, k, v, held, positions)[0] for held in (cache, cache.replace(blocks=(block,)))
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("size", "length", "fits"), [(64, 896, True), (80, 896, False), (64, 300, False)])
def test_blocks_are_whole_tiles_and_heads_a_power_of_two(size, length, fits):
    cache = jax.eval_shape(partial(random_cache, np.random.default_rng(0), 1, 1, size, length, jnp.float32))
    assert fits_tiles(cache) == fits


def test_without_triton_xla_attends(monkeypatch):
    monkeypatch.setattr(flash_decoding, "triton", None)
    assert not fits_tiles(random_cache(np.random.default_rng(0), 1, 1, 64, 256, jnp.float32))


H200 = jax.sharding.AbstractMesh(
    (1,) * len(MESH_AXES),
    MESH_AXES,
    abstract_device=jax.sharding.AbstractDevice(device_kind="NVIDIA H200", num_cores=None, platform="gpu"),
)


def test_a_gpu_takes_it_by_itself_and_it_lowers_without_one():
    """As far as Triton's own language, in which every product and load of the kernel must exist."""
    step = random_step(0, [70, 3], 4, 2, 64, 1024, jnp.bfloat16)
    with jax.sharding.use_abstract_mesh(H200):
        attend = jax.jit(partial(cached_attention, scores=SCORES))
        lowered = attend.trace(*step).lower(lowering_platforms=("cuda",))
    assert "flash_decoding" in lowered.as_text()
