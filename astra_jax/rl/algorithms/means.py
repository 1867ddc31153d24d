"""Over what a loss is averaged: the weight of each token, and each episode's share of the divisor.

The loss of a batch is `sum over tokens of weight * loss / sum over episodes of share`, whatever its groups and rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# (mask [n] of an episode's trained tokens, not all 0) -> (weights [n], share)
LossMean = Callable[[np.ndarray], tuple[np.ndarray, float]]


def over_tokens(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """All tokens of the batch count alike, so that a long episode weighs more (DAPO, arXiv 2503.14476; ASTRA)."""
    return mask, float(mask.sum())


def over_sequences(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean of each episode's mean: all episodes count alike (GRPO, arXiv 2402.03300; GSPO)."""
    return mask / mask.sum(), 1.0


def over_a_constant(tokens: float) -> LossMean:
    """Each episode is divided by the same constant (Dr. GRPO, arXiv 2503.20783): its sum counts, and not its length.

    Args:
        tokens: that constant. It scales the gradient and nothing else.
    """

    def mean(mask: np.ndarray) -> tuple[np.ndarray, float]:
        return mask, float(tokens)

    return mean
