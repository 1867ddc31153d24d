"""The loss of an update: a surrogate of the policy's gain, corrected, with what KL and entropy add to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from astra_jax.rl.correction import Correction
from astra_jax.rl.kl import ESTIMATORS
from astra_jax.rl.surrogates import SURROGATES, Gain, Tokens
from astra_jax.training.batch import PackedBatch
from astra_jax.training.diagnostics import Deviation, Diagnostics, Maximum, Mean, Minimum, Total
from astra_jax.training.loss import Model, token_logprobs


@dataclass(frozen=True)
class Objective:
    """What is maximised at each token: gain - kl_coefficient * KL + entropy_coefficient * entropy.

    The defaults are the paper's: PPO's clipped gain, no KL and no entropy.
    """

    surrogate: str = "ppo"  # of `SURROGATES`
    clip_low: float = 0.2
    clip_high: float = 0.2
    correction: Correction = field(default_factory=Correction)
    kl_coefficient: float = 0.0  # to the reference, whose log-probs the batch has where this is not 0
    kl_estimator: str = "k3"  # of `ESTIMATORS`
    entropy_coefficient: float = 0.0


PAPER = Objective()


def policy_loss(
    model: Model,
    batch: PackedBatch,
    *,
    temperature: float,
    objective: Objective = PAPER,
    chunk: int = 0,
) -> tuple[jax.Array, Diagnostics]:
    """-sum over tokens of weight * what `objective` maximises, and figures of the trained tokens.

    The surrogate's ratio is to the policy that sampled (two policies: pi_theta and the sampler), so a mismatch
    between sampler and trainer, or an older weight version, is corrected and clipped, not ignored. Decoupled, it is
    to the policy as it is before this update, which is pi_theta itself without its gradient: a batch is one update.

    Args:
        temperature: the sampler's. Logits are divided by it here as they were there.
    """
    assert batch.advantages is not None
    assert batch.sampler_logprobs is not None
    hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
    trained = batch.loss_weights > 0
    logprob, entropy = token_logprobs(
        model, hidden, batch.targets, temperature, chunk=chunk, mask_BxT=trained
    )
    log_rho = jnp.where(trained, logprob - batch.sampler_logprobs, 0.0)
    is_decoupled = objective.correction.decoupled
    log_ratio = logprob - jax.lax.stop_gradient(logprob) if is_decoupled else log_rho
    tokens = Tokens(logprob, log_ratio, batch.advantages, trained, batch.segment_ids)
    gain = SURROGATES[objective.surrogate](tokens, objective.clip_low, objective.clip_high)
    value, diagnostics = gain.value, _figures(log_rho, entropy, gain, trained)
    if objective.correction.is_active:
        weights = objective.correction.weights(log_rho, trained, batch.segment_ids)
        value = weights * value
        diagnostics |= _weight_figures(weights, trained, batch.advantages)
        if objective.correction.token == "tis":
            is_capped = (weights > 0) & (weights < jnp.exp(log_rho))
            diagnostics["importance/capped_fraction"] = Mean.over(is_capped.astype(jnp.float32), trained)
    if objective.kl_coefficient or objective.entropy_coefficient:
        diagnostics["loss/policy"] = Total(-jnp.sum(batch.loss_weights * value))
    if objective.kl_coefficient:
        assert batch.reference_logprobs is not None
        difference = jnp.where(trained, logprob - batch.reference_logprobs, 0.0)
        value -= objective.kl_coefficient * ESTIMATORS[objective.kl_estimator](difference)
        diagnostics |= {
            f"reference_kl/{name}": Mean.over(kl(difference), trained) for name, kl in ESTIMATORS.items()
        }
    if objective.entropy_coefficient:
        value += objective.entropy_coefficient * entropy
    return -jnp.sum(batch.loss_weights * value), diagnostics


def _figures(log_rho: jax.Array, entropy: jax.Array, gain: Gain, trained: jax.Array) -> Diagnostics:
    rho = jnp.exp(log_rho)
    kl = rho - 1 - log_rho
    low, high = (x.astype(jnp.float32) for x in (gain.clipped_low, gain.clipped_high))
    return {
        "entropy": Mean.over(entropy, trained),
        "clip_fraction": Mean.over(low + high, trained),
        "clip_fraction/low": Mean.over(low, trained),
        "clip_fraction/high": Mean.over(high, trained),
        "logprob_gap": Mean.over(jnp.abs(log_rho), trained),
        "logprob_gap_max": Maximum.over(jnp.abs(log_rho), trained),
        "sampler_kl": Mean.over(kl, trained),
        "sampler_kl/max": Maximum.over(kl, trained),
        "sampler_kl/k1": Mean.over(-log_rho, trained),
        "ratio/mean": Mean.over(rho, trained),
        "ratio/max": Maximum.over(rho, trained),
        "ratio/chi2": Mean.over(jnp.square(rho) - 1, trained),
    }


def _weight_figures(weights: jax.Array, trained: jax.Array, advantages: jax.Array) -> Diagnostics:
    masked = (weights == 0).astype(jnp.float32)
    return {
        "importance/mean": Mean.over(weights, trained),
        "importance/std": Deviation.over(weights, trained),
        "importance/min": Minimum.over(weights, trained),
        "importance/max": Maximum.over(weights, trained),
        "importance/masked_fraction": Mean.over(masked, trained),
        "importance/masked_fraction/positive": Mean.over(masked, trained & (advantages > 0)),
        "importance/masked_fraction/negative": Mean.over(masked, trained & (advantages < 0)),
    }
