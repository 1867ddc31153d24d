"""What stands in for the policy's gain in the loss: a value a token whose gradient is the policy gradient.

A surrogate sees a ratio of probabilities and an advantage; where either is from is not its business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Tokens:
    """Arrays [B, T] at the predicting tokens. Where `trained` is false, log-probs and ratios are of no account."""

    logprob: jax.Array  # of the policy that is trained
    log_ratio: jax.Array  # less the log-prob of the policy that it is compared with; 0 where not trained
    advantages: jax.Array
    trained: jax.Array  # bool
    segment_ids: jax.Array  # an episode is one segment of one row


@dataclass(frozen=True)
class Gain:
    """Arrays [B, T]: what is maximised, and which tokens a bound of the ratio holds back."""

    value: jax.Array
    clipped_low: jax.Array
    clipped_high: jax.Array


Surrogate = Callable[[Tokens, float, float], Gain]


def ppo(tokens: Tokens, clip_low: float, clip_high: float) -> Gain:
    """min(r A, clip(r, 1 - clip_low, 1 + clip_high) A): held back where going on would still be rewarded."""
    return _clipped(jnp.exp(tokens.log_ratio), tokens.advantages, clip_low, clip_high)


def gspo(tokens: Tokens, clip_low: float, clip_high: float) -> Gain:
    """As PPO, with one ratio for an episode, the geometric mean of its tokens' (arXiv 2507.18071)."""
    mean = episode_mean(tokens.log_ratio, tokens.trained, tokens.segment_ids)
    return _clipped(jnp.exp(mean), tokens.advantages, clip_low, clip_high)


def cispo(tokens: Tokens, clip_low: float, clip_high: float) -> Gain:
    """clip(r, 1 - clip_low, 1 + clip_high) A log pi, the ratio without gradient: no token loses its own
    (arXiv 2506.13585)."""
    ratio = jax.lax.stop_gradient(jnp.exp(tokens.log_ratio))
    low, high = 1 - clip_low, 1 + clip_high
    value = jnp.clip(ratio, low, high) * tokens.advantages * tokens.logprob
    return Gain(value, ratio < low, ratio > high)


SURROGATES: dict[str, Surrogate] = {"ppo": ppo, "gspo": gspo, "cispo": cispo}


def episode_mean(x_BxT: jax.Array, mask_BxT: jax.Array, segments_BxT: jax.Array) -> jax.Array:
    """At each token the mean of its segment over the tokens of the mask, [B, T]; 0 where it has none."""

    def of_row(x: jax.Array, mask: jax.Array, segments: jax.Array) -> jax.Array:
        sums = jax.ops.segment_sum(
            jnp.stack([jnp.where(mask, x, 0), mask.astype(x.dtype)], axis=1), segments, len(segments) + 1
        )
        return (sums[:, 0] / jnp.maximum(sums[:, 1], 1))[segments]

    return jax.vmap(of_row)(x_BxT, mask_BxT, segments_BxT)


def _clipped(ratio: jax.Array, advantages: jax.Array, clip_low: float, clip_high: float) -> Gain:
    clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
    is_clipped = clipped * advantages < ratio * advantages
    value = jnp.minimum(ratio * advantages, clipped * advantages)
    return Gain(value, is_clipped & (advantages < 0), is_clipped & (advantages > 0))
