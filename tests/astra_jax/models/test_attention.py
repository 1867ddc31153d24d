"""Packed attention equals the plain definition, forward and gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.models.attention import packed_attention


def plain_attention(q, k, v, segments, parents):
    """The definition, with the whole score matrix."""
    time = jnp.arange(q.shape[1])
    own = segments[:, :, None] == segments[:, None, :]
    parent = (parents[:, :, None] == segments[:, None, :]) & (parents[:, :, None] != 0)
    visible = (time[:, None] >= time) & (own | parent)
    k, v = (jnp.repeat(x, q.shape[2] // x.shape[2], axis=2) for x in (k, v))
    scores = jnp.einsum("btnh,bsnh->bnts", q, k) * q.shape[-1] ** -0.5
    weights = jax.nn.softmax(jnp.where(visible[:, None], scores, -1e30), axis=-1)
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
    return jnp.array(segments), jnp.array(parents)


@pytest.mark.parametrize(
    ("batch", "time", "heads", "kv_heads", "segments"),
    [(1, 7, 2, 2, 2), (3, 200, 4, 2, 5), (2, 449, 2, 1, 9)],
)
def test_equals_the_definition(batch, time, heads, kv_heads, segments):
    rng = np.random.default_rng(time)
    ids, parents = random_rows(rng, batch, time, segments)
    q = jnp.array(rng.normal(size=(batch, time, heads, 16)), jnp.float32)
    k, v = (jnp.array(rng.normal(size=(batch, time, kv_heads, 16)), jnp.float32) for _ in range(2))
    weight = jnp.array(rng.normal(size=q.shape), jnp.float32) * (ids != 0)[..., None, None]

    def objective(attention):
        return lambda q, k, v: (attention(q, k, v, ids, parents) * weight).sum()

    expected = jax.jit(jax.value_and_grad(objective(plain_attention), argnums=(0, 1, 2)))(q, k, v)
    actual = jax.jit(jax.value_and_grad(objective(packed_attention), argnums=(0, 1, 2)))(q, k, v)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, atol=2e-4, rtol=1e-5), actual, expected)
    assert np.isfinite(jax.jit(packed_attention)(q, k, v, ids, parents)).all()
