"""Packed attention equals the plain definition, forward and gradients."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.attention import packed_attention
from astra_jax.models.rows import Rows, Scores


def plain_attention(q, k, v, rows, scores, sliding):
    """The definition, with the whole score matrix."""
    own = rows.segments[:, :, None] == rows.segments[:, None, :]
    if rows.parents is not None:
        own |= (rows.parents[:, :, None] == rows.segments[:, None, :]) & (rows.parents[:, :, None] != 0)
    visible = (rows.index[:, :, None] >= rows.index[:, None, :]) & own
    if sliding:
        visible &= rows.positions[:, :, None] - rows.positions[:, None, :] < scores.window
    k, v = (jnp.repeat(x, q.shape[2] // x.shape[2], axis=2) for x in (k, v))
    products = jnp.einsum("btnh,bsnh->bnts", q, k) * scores.scale
    weights = jax.nn.softmax(jnp.where(visible[:, None], products, -1e30), axis=-1)
    return jnp.einsum("bnts,bsnh->btnh", weights, v)


def random_rows(rng, batch, time, segments_a_row):
    """Segments of random lengths in any order of ids, some with an earlier one as parent, padding at the end."""
    segments, parents = np.zeros((batch, time), np.int32), np.zeros((batch, time), np.int32)
    for row in range(batch):
        cuts = np.sort(rng.choice(np.arange(1, time), segments_a_row, replace=False))
        ids = rng.permutation(np.arange(1, segments_a_row + 1))
        for i, (start, end) in enumerate(zip([0, *cuts[:-1]], cuts, strict=True)):
            segments[row, start:end] = ids[i]
            if i and rng.random() < 0.6:
                parents[row, start:end] = ids[rng.integers(i)]
    # A segment's positions go on where its parent's end.
    positions = np.zeros((batch, time), np.int32)
    for row in range(batch):
        ends = {0: 0}
        for i in range(time):
            at = segments[row, i]
            ends[at] = ends.get(at, ends.get(parents[row, i], 0)) + 1
            positions[row, i] = (ends[at] - 1) * (at > 0)
    index = np.broadcast_to(np.arange(time, dtype=np.int32), (batch, time))
    return Rows(*map(jnp.array, (index, segments, parents, positions)))


def check(rows, heads, kv_heads, size, sliding, kernel):
    rng = np.random.default_rng(0)
    batch, time = rows.segments.shape
    q = jnp.array(rng.normal(size=(batch, time, heads, size)), jnp.float32)
    k, v = (jnp.array(rng.normal(size=(batch, time, kv_heads, size)), jnp.float32) for _ in range(2))
    weight = jnp.array(rng.normal(size=q.shape), jnp.float32) * (rows.segments != 0)[..., None, None]
    scores = Scores(0.3, 11)

    def objective(attention):
        return lambda q, k, v: (attention(q, k, v, rows, scores, sliding) * weight).sum()

    ours = partial(packed_attention, kernel=kernel)
    expected = jax.jit(jax.value_and_grad(objective(plain_attention), argnums=(0, 1, 2)))(q, k, v)
    actual = jax.jit(jax.value_and_grad(objective(ours), argnums=(0, 1, 2)))(q, k, v)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, atol=2e-4, rtol=1e-5), actual, expected)
    assert np.isfinite(jax.jit(ours, static_argnums=4)(q, k, v, rows, scores)).all()


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize(
    ("batch", "time", "heads", "kv_heads", "segments"),
    [(1, 7, 2, 2, 2), (3, 200, 4, 2, 5), (2, 449, 2, 1, 9)],
)
def test_equals_the_definition(batch, time, heads, kv_heads, segments, sliding):
    rows = random_rows(np.random.default_rng(time), batch, time, segments)
    check(rows, heads, kv_heads, 16, sliding, "xla")


@pytest.mark.parametrize("sliding", [False, True])
def test_the_kernel_for_tpus_equals_the_definition(sliding):
    rows = random_rows(np.random.default_rng(1), 2, 256, 5)
    check(rows._replace(parents=None), 2, 1, 16, sliding, "interpret")


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("parents", [False, True])
def test_the_mask_for_gpus_equals_the_definition(sliding, parents):
    rows = random_rows(np.random.default_rng(4), 2, 70, 5)
    check(rows if parents else rows._replace(parents=None), 4, 2, 16, sliding, "masked")


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="cuDNN needs a GPU")
@pytest.mark.parametrize("sliding", [False, True])
def test_the_kernel_for_gpus_is_as_near_the_definition_as_half_precision_allows(sliding):
    rows = random_rows(np.random.default_rng(4), 2, 256, 5)
    rng = np.random.default_rng(0)
    q, k, v = (jnp.array(rng.normal(size=(2, 256, n, 64)), jnp.bfloat16) for n in (4, 2, 2))
    real = (rows.segments != 0)[..., None, None]

    def loss(attention, q, k, v):
        heads = attention(q, k, v, rows, Scores(0.3, 11), sliding) * real
        return jnp.square(heads.astype(jnp.float32)).sum()

    found = jax.grad(partial(loss, partial(packed_attention, kernel="cudnn")), argnums=(0, 1, 2))(q, k, v)
    with jax.default_matmul_precision("highest"):
        single = (x.astype(jnp.float32) for x in (q, k, v))
        definition = jax.grad(partial(loss, plain_attention), argnums=(0, 1, 2))(*single)
    for ours, exact in zip(found, definition, strict=True):
        error = np.linalg.norm(np.asarray(ours, np.float32) - exact) / np.linalg.norm(exact)
        assert error < 0.02


@pytest.mark.parametrize("kernel", ["xla", "masked"])
def test_layers_of_one_loop_may_differ(kernel):
    rows = random_rows(np.random.default_rng(2), 1, 150, 3)
    for slides in (False, True):
        sliding = jnp.array(slides)
        check_array = partial(packed_attention, kernel=kernel)
        q = jnp.array(np.random.default_rng(3).normal(size=(1, 150, 2, 8)), jnp.float32)
        ours = jax.jit(check_array, static_argnums=4)(q, q, q, rows, Scores(1.0, 5), sliding)
        real = (rows.segments != 0)[..., None, None]
        expected = plain_attention(q, q, q, rows, Scores(1.0, 5), slides)
        np.testing.assert_allclose(ours * real, expected * real, atol=1e-5)
