"""What follows from an update's batch and its figures, after the update and outside of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from astra_jax.training.batch import PackedBatch


def update_metrics(batch: PackedBatch, figures: Mapping[str, float]) -> dict[str, float]:
    """Perplexities of the trained tokens, and the effective share of them where importance weights apply.

    Args:
        figures: of `policy_loss`, reduced. Of a batch in which no token is trained on there is nothing to say.
    """
    trained = np.asarray(batch.loss_weights) > 0
    if not trained.any():
        return {}
    nats = -np.mean(np.asarray(batch.sampler_logprobs)[trained], dtype=np.float64)
    metrics = {
        "perplexity/sampler": _exp(nats),
        "perplexity/trainer": _exp(nats + figures["sampler_kl/k1"]),
        "perplexity/ratio": _exp(figures["sampler_kl/k1"]),
    }
    if "importance/mean" in figures:
        mean, std = figures["importance/mean"], figures["importance/std"]
        metrics["importance/effective_fraction"] = mean**2 / (mean**2 + std**2) if mean else 0.0
    return metrics


def _exp(nats: float) -> float:
    with np.errstate(over="ignore"):  # a policy that has come apart is reported, and stops nothing here
        return float(np.exp(nats))
