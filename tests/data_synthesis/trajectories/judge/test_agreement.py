from io import StringIO

import pytest
from judged_runs import GOOD, run_of
from rich.console import Console

from data_synthesis.trajectories.judge import DIMENSIONS, agreement
from data_synthesis.trajectories.judge.agreement import table


def scored(score):
    return run_of(*GOOD).model_copy(update={"scores": dict.fromkeys(DIMENSIONS, score)})


def agree(left, right):
    pairs = [(scored(a), scored(b)) for a, b in zip(left, right, strict=True)]
    return agreement(pairs)["final_answer"]


def test_equal_opinions_agree_wholly():
    found = agree([0, 0.5, 1, 1], [0, 0.5, 1, 1])
    assert (found.same, found.distance, found.kappa) == (1, 0, 1)


def test_opposite_opinions_are_worse_than_chance_and_unrelated_ones_are_chance():
    assert agree([0, 1], [1, 0]).kappa == -1
    assert agree([0, 0, 1, 1], [0, 1, 0, 1]).kappa == pytest.approx(0)


def test_weighted_kappa_as_by_hand():
    # observed (0.25) / 3; expected over all nine pairs (0 + .25 + 1 + .25 + 0 + .25 + 0 + .25 + 1) / 9
    found = agree([0, 0.5, 0], [0, 0, 1])
    observed = (0 + 0.25 + 1) / 3
    expected = sum((a - b) ** 2 for a in (0, 0.5, 0) for b in (0, 0, 1)) / 9
    assert found.kappa == pytest.approx(1 - observed / expected)


def test_nulls_are_counted_and_never_scores():
    found = agree([None, 1, None], [1, 1, None])
    assert (found.pairs, found.nulls, found.same) == (1, 2, 1)
    assert agree([None], [None]).same is None
    shown = StringIO()
    Console(file=shown).print(table(agreement([(scored(1), scored(None))])))
    assert "final_answer" in shown.getvalue()


def test_two_that_never_vary_say_nothing_beyond_chance():
    assert agree([1, 1], [1, 1]).kappa is None
