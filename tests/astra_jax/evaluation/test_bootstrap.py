"""Bootstrap intervals: seeded, exact where they can be, and right about as often as they claim."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astra_jax.evaluation.bootstrap import mean_ci95, paired_ci95, weighted_ci95

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(finite, st.integers(1, 60), st.integers(0, 10))
@settings(max_examples=25, deadline=None)
def test_constant_values_have_the_constant_as_interval(value: float, count: int, seed: int):
    assert mean_ci95([value] * count, seed, resamples=50) == (value, value)


@given(st.lists(finite, min_size=1, max_size=40), st.integers(0, 10))
@settings(max_examples=25, deadline=None)
def test_interval_is_ordered_and_inside_the_values(values: list[float], seed: int):
    low, high = mean_ci95(values, seed, resamples=100)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= low <= high <= max(values) + slack


def test_the_seed_decides():
    values = np.random.default_rng(0).random(50)
    assert mean_ci95(values, seed=1) == mean_ci95(values, seed=1)
    assert mean_ci95(values, seed=1) != mean_ci95(values, seed=2)


def test_many_values_agree_with_the_normal_interval():
    # 3,000 values do not fit one chunk of 10,000 resamples, so this also covers the joining of chunks.
    values = np.random.default_rng(3).normal(5.0, 2.0, size=3000)
    half = 1.96 * values.std() / np.sqrt(values.size)
    low, high = mean_ci95(values, seed=0, resamples=2000)
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_coverage_is_about_95_percent():
    rng = np.random.default_rng(7)
    draws = rng.beta(0.6, 0.4, size=(400, 60))  # U-shaped on [0, 1], as F1 is
    intervals = [mean_ci95(row, seed, resamples=400) for seed, row in enumerate(draws)]
    covered = np.mean([low <= 0.6 <= high for low, high in intervals])
    assert 0.90 <= covered <= 0.98


def test_paired_is_narrower_where_arenas_share_their_difficulty():
    rng = np.random.default_rng(11)
    difficulty = rng.normal(size=80)
    before, after = difficulty + 0.1 * rng.normal(size=80), difficulty + 0.3 + 0.1 * rng.normal(size=80)
    low, high = paired_ci95(list(after), list(before), seed=0)
    (a_low, a_high), (b_low, b_high) = mean_ci95(after, seed=0), mean_ci95(before, seed=1)
    unpaired = np.hypot(a_high - a_low, b_high - b_low)
    assert high - low < unpaired / 3
    assert low > 0
    assert low <= 0.3 <= high


def test_paired_interval_turns_its_sign_with_its_sides():
    a, b = [0.1, 0.9, 0.4, 0.7], [0.2, 0.3, 0.1, 0.6]
    low, high = paired_ci95(a, b, seed=5)
    assert paired_ci95(b, a, seed=5) == pytest.approx((-high, -low))


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")], [[1.0], [2.0]]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="a bootstrap needs"):
        mean_ci95(values, seed=0)


def test_pairs_of_different_length_are_refused():
    with pytest.raises(ValueError, match="got 2 and 3"):
        paired_ci95([1, 2], [1, 2, 3], seed=0)


def test_one_sample_of_weight_one_has_the_interval_of_its_mean():
    values = np.random.default_rng(0).random(50)
    assert weighted_ci95([values], [1.0], seed=3) == mean_ci95(values, seed=3)


def test_constant_samples_have_their_weighted_sum_as_interval():
    assert weighted_ci95([[1.0] * 3, [0.0] * 5], [0.25, 0.75], seed=0) == (0.25, 0.25)


def test_the_interval_of_a_sum_is_as_wide_as_that_of_independent_samples():
    """Of two equal samples at half weight each, variances add: 1 / sqrt(2) of one's width."""
    values = np.random.default_rng(1).random(400)
    one, both = mean_ci95(values, seed=0), weighted_ci95([values, values], [0.5, 0.5], seed=0)
    assert (both[1] - both[0]) / (one[1] - one[0]) == pytest.approx(0.5**0.5, rel=0.05)


def test_every_sample_needs_a_weight():
    with pytest.raises(ValueError, match="argument"):
        weighted_ci95([[1.0]], [0.5, 0.5], seed=0)
