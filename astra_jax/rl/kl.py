"""Estimators of KL(pi || reference) from the log-probs of tokens that pi drew (joschu.net/blog/kl-approx.html)."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def k1(d: jax.Array) -> jax.Array:
    """Unbiased, and below 0 at times. As a loss it teaches nothing: its gradient is 0 on average."""
    return d


def k2(d: jax.Array) -> jax.Array:
    """Biased, with little variance. As a loss its gradient is that of KL(pi || reference)."""
    return 0.5 * jnp.square(d)


def k3(d: jax.Array) -> jax.Array:
    """Unbiased, never below 0, with little variance. As a loss its gradient is that of KL(reference || pi)."""
    return jnp.exp(-d) - 1 + d


# d = log pi(token) - log reference(token) -> an estimate at each token
ESTIMATORS = {"k1": k1, "k2": k2, "k3": k3}
