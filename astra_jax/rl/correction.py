"""What is done about tokens that the trained policy would draw more or less often than the sampler did.

rho = pi(token) / pi_sampler(token), without gradient. It is not 1 where sampler and trainer round differently, and
where an episode is older than the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from astra_jax.rl.surrogates import episode_mean

TOKEN_CORRECTIONS = ("none", "tis", "icepop")
SEQUENCE_CORRECTIONS = ("none", "mask")


@dataclass(frozen=True)
class Correction:
    """Weights of tokens, of which the loss's divisor knows nothing.

    Args:
        decoupled: the surrogate's ratio is to the policy before the update, and rho is a weight beside it; else the
            surrogate's ratio is to the sampler, which is rho itself, and only masks are left to apply.
        token: `tis` weighs by min(rho, tis_cap); `icepop` by rho, and by 0 outside [icepop_low, icepop_high].
        sequence: `mask` takes out episodes whose geometric mean of rho is outside [sequence_low, sequence_high].
    """

    decoupled: bool = False
    token: str = "none"
    tis_cap: float = 2.0
    icepop_low: float = 0.5
    icepop_high: float = 5.0
    sequence: str = "none"
    sequence_low: float = 0.99
    sequence_high: float = 1.01

    @property
    def is_active(self) -> bool:
        return self.token != "none" or self.sequence != "none"

    def weights(self, log_rho_BxT: jax.Array, trained_BxT: jax.Array, segments_BxT: jax.Array) -> jax.Array:
        """What each token's gain is multiplied by, [B, T], without gradient."""
        log_rho = jax.lax.stop_gradient(log_rho_BxT)
        weights = self._of_tokens(jnp.exp(log_rho))
        if self.sequence == "mask":
            mean = jnp.exp(episode_mean(log_rho, trained_BxT, segments_BxT))
            weights = jnp.where((mean >= self.sequence_low) & (mean <= self.sequence_high), weights, 0.0)
        return weights

    def _of_tokens(self, rho: jax.Array) -> jax.Array:
        if self.token == "tis":
            return jnp.minimum(rho, self.tis_cap)
        if self.token == "icepop":
            kept = (rho >= self.icepop_low) & (rho <= self.icepop_high)
            return jnp.where(kept, rho if self.decoupled else 1.0, 0.0)
        return jnp.ones_like(rho)
