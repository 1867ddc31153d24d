"""pass@k and pass^k against enumeration of every choice of k tries."""

from itertools import combinations
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astra_jax.evaluation.passes import pass_at_k, pass_hat_k, pass_rates

tries = st.lists(st.booleans(), min_size=1, max_size=8)


@given(tries, st.data())
def test_both_are_the_shares_of_all_choices(outcomes, data):
    k = data.draw(st.integers(1, len(outcomes)))
    choices = list(combinations(outcomes, k))
    n, passed = len(outcomes), sum(outcomes)
    assert pass_at_k(n, passed, k) == pytest.approx(mean(any(choice) for choice in choices), abs=1e-12)
    assert pass_hat_k(n, passed, k) == pytest.approx(mean(all(choice) for choice in choices), abs=1e-12)


@given(tries)
def test_both_are_the_mean_for_one_try(outcomes):
    n, passed = len(outcomes), sum(outcomes)
    assert pass_at_k(n, passed, 1) == pytest.approx(passed / n)
    assert pass_hat_k(n, passed, 1) == pytest.approx(passed / n)


@pytest.mark.parametrize(("n", "passed", "k"), [(2, 1, 3), (2, 3, 1), (2, 1, 0), (0, 0, 1)])
def test_what_cannot_be_chosen_is_an_error(n, passed, k):
    for estimate in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError, match="no choice"):
            estimate(n, passed, k)


def test_rates_are_means_over_items_with_enough_known_tries():
    rates = pass_rates({"a": [True, False, True], "b": [False, False], "c": [True, True, True]})
    assert list(rates) == ["pass@1", "pass^1", "pass@2", "pass^2", "pass@3", "pass^3"]
    assert rates["pass@2"]["mean"] == pytest.approx(mean([1, 0, 1]))
    assert rates["pass^2"]["mean"] == pytest.approx(mean([1 / 3, 0, 1]))
    assert (rates["pass^3"]["mean"], rates["pass^3"]["items"]) == (0.5, 2)
    low, high = rates["pass^2"]["ci95"]
    assert 0 <= low <= rates["pass^2"]["mean"] <= high <= 1


def test_nothing_is_said_where_nothing_is_known():
    assert pass_rates({}) == pass_rates({"a": []}) == {}
