"""Drawing one token for each row, by a seed of the row's own."""

from __future__ import annotations

import jax
import jax.numpy as jnp


def sample(
    logits_BxV: jax.Array, temperature_B: jax.Array, seed_B: jax.Array, position_B: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Samples a token a row, and its log-probability.

    The random numbers of a token depend on its request's seed and its position alone, so that neither batch
    neighbours nor an eviction change what is drawn. Gumbel-max, so no cumulative sum over the vocabulary.

    Args:
        logits_BxV: fp32 logits.
        temperature_B: 0 is greedy; log-probs are then of the raw logits.
        seed_B: uint32, the request's seed.
        position_B: int32, the index of the sampled token in its sequence.

    Returns:
        tokens (int32 [B]) and log-probs of the temperature-scaled distribution (fp32 [B]).
    """
    greedy_B = temperature_B == 0
    scaled_BxV = logits_BxV / jnp.where(greedy_B, 1.0, temperature_B)[:, None]

    def gumbel(seed, position):
        return jax.random.gumbel(jax.random.fold_in(jax.random.key(seed), position), logits_BxV.shape[-1:])

    noise_BxV = jax.vmap(gumbel)(seed_B, position_B)
    token_B = jnp.argmax(scaled_BxV + jnp.where(greedy_B[:, None], 0.0, noise_BxV), axis=-1)
    logprob_BxV = jax.nn.log_softmax(scaled_BxV, axis=-1)
    return token_B.astype(jnp.int32), jnp.take_along_axis(logprob_BxV, token_B[:, None], axis=-1)[:, 0]
