import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.environments.cut import cut, quantile
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Decomposition, DecompositionScores


def scored(completeness: float | None, n: int = 0) -> Decomposition:
    scores = DecompositionScores(
        dependency=1.0, atomicity=1.0, sequential_rationality=1.0, completeness=completeness
    )
    sub = {"id": 1, "question": f"{n}?", "answer": n}
    return Decomposition.model_validate(
        {"question": f"{n}?", "answer": n, "scenario": "single_hop", "sub_questions": [sub], "scores": scores}
    )


def test_the_cut_is_on_the_mean():
    with pytest.raises(Rejected, match=r"low_score: the mean is 0.750, under 0.85: .*completeness 0.00"):
        asyncio.run(cut(scored(0.0), minimum=0.85))
    assert asyncio.run(cut(scored(0.0), minimum=0.75)) == scored(0.0)


def test_without_all_four_scores_nothing_passes():
    with pytest.raises(Rejected, match=r"not_scored: .*completeness unknown"):
        asyncio.run(cut(scored(None), minimum=0.0))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 0.99))
def test_a_quantile_cuts_that_share_and_keeps_what_equals_it(values, share):
    wholes = [scored(value, n) for n, value in enumerate(values)]
    least = quantile(wholes, share)
    kept = [whole for whole in wholes if (whole.scores.mean() or 0) >= least]
    assert len(kept) >= len(wholes) * (1 - share) - 1e-9
    assert kept


def test_the_quantile_of_nothing_cuts_nothing():
    assert quantile([], 0.9) == 0.0
