"""Upstream's records of the steps 1 to 3 become decompositions; a score that is none is null."""

from __future__ import annotations

import pytest
import upstream_cases as cases

from data_synthesis.environments import graph
from data_synthesis.interop.decompositions import decomposition_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Decomposition


def read(record: cases.Json) -> Decomposition:
    return decomposition_of(Instance.model_validate(record))


def test_each_step_adds_what_it_judged():
    first, second, third = read(cases.step_1()), read(cases.step_2()), read(cases.step_3())
    assert [sub.tool_necessity for sub in first.sub_questions] == [None] * 5
    assert [sub.tool_necessity for sub in second.sub_questions] == [True] * 4 + [False]
    assert second.sub_questions[4].reason == "words"
    assert first.scores.mean() is second.scores.mean() is None
    assert third.scores.model_dump() == {
        "dependency": 1.0,
        "atomicity": 0.8,
        "sequential_rationality": 1.0,
        "completeness": 1.0,
    }
    assert (third.question, third.domain, third.language) == (cases.step_1()["main_question"], "travel", "en")
    assert third.provenance.teacher == "some-model"


@pytest.mark.parametrize("score", [-100, 1.2, None, "0.9", True, [1], float("nan")])
def test_what_is_no_score_is_null(score):
    """E9: upstream takes -100 into a mean."""
    assert read(cases.step_3(dependency=score)).scores.dependency is None
    assert read(cases.step_3(dependency=score)).scores.mean() is None


@pytest.mark.parametrize("result", [None, -100, [], {}, {"score": 1.0}, {"score": 1.0, "extra_info": None}])
def test_missing_scores_are_null(result):
    assert read(cases.step_2() | {"verify_result": result}).scores.mean() is None


def test_layers_are_computed_and_not_believed():
    record = cases.step_1()
    for node in record["decomposition_trace"]:
        node |= {"hop_level": 9, "is_parallel": None}
    subs = read(record).sub_questions
    assert [sub.hop_level for sub in subs] == [1, 1, 2, 3, 4]
    assert [sub.is_parallel for sub in subs] == [True, True, False, False, False]
    assert graph.layers({sub.id: sub.depends_on for sub in subs}) == {sub.id: sub.hop_level for sub in subs}


def test_a_circle_is_refused():
    record = cases.step_1()
    record["decomposition_trace"][0]["dependency"] = [4]
    with pytest.raises(Rejected, match=r"bad_structure.*circle"):
        read(record)


def test_unknown_fields_are_kept():
    record = cases.step_1(license="MIT", question="theirs")
    record["decomposition_trace"][0]["difficulty"] = 2
    assert read(record).model_extra == {"license": "MIT"}
    assert read(record).sub_questions[0].model_extra == {"difficulty": 2}
