"""The clipped policy gradient against the sampler's own log-probs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from astra_jax.training.batch import PackedBatch
from astra_jax.training.diagnostics import Diagnostics, Maximum, Mean
from astra_jax.training.loss import Model, token_logprobs


def policy_loss(
    model: Model,
    batch: PackedBatch,
    *,
    temperature: float,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    chunk: int = 0,
) -> tuple[jax.Array, Diagnostics]:
    """-sum over tokens of weight * min(ratio * A, clip(ratio, 1 - clip_low, 1 + clip_high) * A).

    The ratio is to the policy that sampled (two policies: pi_theta and the sampler), so a mismatch between
    sampler and trainer, or an older weight version, is corrected and clipped, not ignored. No KL term and no
    entropy bonus, as in the paper.

    Args:
        temperature: the sampler's. Logits are divided by it here as they were there.
    """
    hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
    assert batch.advantages is not None
    assert batch.sampler_logprobs is not None
    trained = batch.loss_weights > 0
    logprob, entropy = token_logprobs(
        model, hidden, batch.targets, temperature, chunk=chunk, mask_BxT=trained
    )
    log_ratio = jnp.where(trained, logprob - batch.sampler_logprobs, 0.0)
    ratio = jnp.exp(log_ratio)
    clipped = jnp.clip(ratio, 1 - clip_low, 1 + clip_high)
    gain = jnp.minimum(ratio * batch.advantages, clipped * batch.advantages)
    is_clipped = (clipped * batch.advantages < ratio * batch.advantages).astype(jnp.float32)
    diagnostics: Diagnostics = {
        "entropy": Mean.over(entropy, trained),
        "clip_fraction": Mean.over(is_clipped, trained),
        "logprob_gap": Mean.over(jnp.abs(log_ratio), trained),
        "logprob_gap_max": Maximum.over(jnp.abs(log_ratio), trained),
        "sampler_kl": Mean.over(ratio - 1 - log_ratio, trained),
    }
    return -jnp.sum(batch.loss_weights * gain), diagnostics
