"""Rotary position embeddings (arXiv 2104.09864), halves rotated as Hugging Face's models do it."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def rotary_angles(positions_BxT: jax.Array, head_dim: int, theta: float) -> tuple[jax.Array, jax.Array]:
    """Cosine and sine, each [B, T, H/2] float32."""
    frequencies = theta ** -(jnp.arange(0, head_dim, 2, dtype=jnp.float32) / head_dim)
    angles = positions_BxT[..., None].astype(jnp.float32) * frequencies
    return jnp.cos(angles), jnp.sin(angles)


def rotate(x_BxTxNxH: jax.Array, angles: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Rotates pair (i, i + H/2) of each head by its angle, in float32."""
    cos, sin = (a[:, :, None, :] for a in angles)
    first, second = jnp.split(x_BxTxNxH.astype(jnp.float32), 2, axis=-1)
    rotated = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotated.astype(x_BxTxNxH.dtype)
