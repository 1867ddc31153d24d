"""Percentile bootstrap intervals of a mean, and of a difference of means over the same arenas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

Interval = tuple[float, float]

# Resampled values held at once: 8 MB of indices and as much of values, however many arenas there are.
_CHUNK = 1_000_000


def mean_ci95(values: ArrayLike, seed: int, resamples: int = 10_000) -> Interval:
    """The 95 % percentile bootstrap interval of the mean of `values`.

    Exact for constant values, and equal for equal seeds.

    Args:
        values: [n] independent observations, one for each arena.
        resamples: bootstrap samples of size n, drawn with replacement.

    Raises:
        ValueError: no values, or one that is not finite.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    sample = _observations(values)
    # Taking one value as origin keeps the mean of a constant sample exact: its deviations are all 0.
    origin = sample[0]
    means = _resampled_means(sample - origin, np.random.default_rng(seed), resamples)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(origin + low), float(origin + high)


def paired_ci95(a: Sequence[float], b: Sequence[float], seed: int, resamples: int = 10_000) -> Interval:
    """The 95 % bootstrap interval of mean(a) - mean(b), where a[i] and b[i] belong to the same arena.

    Arenas are resampled, each with both of its values, so what they share (their difficulty) cancels.

    Raises:
        ValueError: `a` and `b` differ in length, are empty, or hold a value that is not finite.
    """
    if len(a) != len(b):
        raise ValueError(
            f"a paired interval needs one value of each for every arena: got {len(a)} and {len(b)}"
        )
    return mean_ci95(_observations(a) - _observations(b), seed, resamples)


def weighted_ci95(
    samples: Sequence[ArrayLike], weights: Sequence[float], seed: int, resamples: int = 10_000
) -> Interval:
    """The 95 % bootstrap interval of the sum of weight * mean over several samples, each resampled within itself.

    Args:
        samples: of independent observations, such as those of each category of a benchmark.

    Raises:
        ValueError: as `mean_ci95`, or there are not as many weights as samples.
    """
    rng = np.random.default_rng(seed)
    total, origin = np.zeros(resamples), 0.0
    for values, weight in zip(samples, weights, strict=True):
        sample = _observations(values)
        origin += weight * sample[0]
        total += weight * _resampled_means(sample - sample[0], rng, resamples)
    low, high = np.percentile(total, [2.5, 97.5])
    return float(origin + low), float(origin + high)


def _observations(values: ArrayLike) -> np.ndarray:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not sample.size:
        raise ValueError(f"a bootstrap needs a list of at least one value: got shape {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError("a bootstrap needs finite values: leave unknown ones out and count them")
    return sample


def _resampled_means(sample: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    rows = max(1, _CHUNK // sample.size)
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    return np.concatenate(
        [sample[rng.integers(sample.size, size=(size, sample.size))].mean(axis=1) for size in sizes]
    )
