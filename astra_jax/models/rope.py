"""Rotary position embeddings (arXiv 2104.09864), halves rotated as Hugging Face's models do it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from astra_jax.models.config import ModelConfig, Rope, RopeScaling

Angles = tuple[jax.Array, jax.Array]


def rotary_angles(positions_BxT: jax.Array, config: ModelConfig, rope: Rope) -> Angles:
    """Cosine and sine, each [B, T, H/2] float32."""
    if rope == "none":
        shape = (*positions_BxT.shape, config.head_dim // 2)
        return jnp.ones(shape), jnp.zeros(shape)
    local = rope == "local"
    frequencies = _frequencies(config.head_dim, config.local_rope_theta if local else config.rope_theta)
    growth = 1.0
    if config.rope_scaling and not local:
        frequencies, growth = _scaled(frequencies, config.rope_theta, config.rope_scaling)
    angles = positions_BxT[..., None].astype(jnp.float32) * frequencies.astype(np.float32)
    return jnp.cos(angles) * growth, jnp.sin(angles) * growth


def rotate(x_BxTxNxH: jax.Array, angles: Angles) -> jax.Array:
    """Rotates pair (i, i + H/2) of each head by its angle, in float32."""
    cos, sin = (a[:, :, None, :] for a in angles)
    first, second = jnp.split(x_BxTxNxH.astype(jnp.float32), 2, axis=-1)
    rotated = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return rotated.astype(x_BxTxNxH.dtype)


def _frequencies(head_dim: int, theta: float) -> np.ndarray:
    """Radians a position, [H/2] float64."""
    return theta ** -(np.arange(0, head_dim, 2) / head_dim)


def _scaled(frequencies: np.ndarray, theta: float, scaling: RopeScaling) -> tuple[np.ndarray, float]:
    """The changed frequencies, and what cosine and sine grow by."""
    slow = frequencies / scaling.factor
    if scaling.kind == "linear":
        return slow, 1.0
    if scaling.kind == "llama3":
        turns = scaling.original_positions * frequencies / (2 * math.pi)
        low, high = scaling.low_freq_factor, scaling.high_freq_factor
        kept = np.clip((turns - low) / (high - low), 0, 1)
        return kept * frequencies + (1 - kept) * slow, 1.0
    kept = 1 - _yarn_ramp(len(frequencies), theta, scaling)
    growth = scaling.attention_factor
    return kept * frequencies + (1 - kept) * slow, 0.1 * math.log(
        scaling.factor
    ) + 1 if growth is None else growth


def _yarn_ramp(pairs: int, theta: float, scaling: RopeScaling) -> np.ndarray:
    """From 0, where a pair turns often within the original positions, to 1, where hardly."""

    def pair(turns: float) -> float:
        return pairs * math.log(scaling.original_positions / (turns * 2 * math.pi)) / math.log(theta)

    low = max(math.floor(pair(scaling.beta_fast)), 0)
    high = min(math.ceil(pair(scaling.beta_slow)), 2 * pairs - 1)
    return np.clip((np.arange(pairs) - low) / max(high - low, 1e-3), 0, 1)
