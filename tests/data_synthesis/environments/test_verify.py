import asyncio

import pytest

from data_synthesis.environments.verify import score, verify
from data_synthesis.teacher.interface import TeacherError

PERFECT = {
    "verify_dependency": [{"status": "matched"}],
    "verify_atomicity": [{"judgements": [{"id": i, "is_atomic": True} for i in (1, 2, 3)]}],
    "verify_sequential": [{"forced": []}],
    "verify_completeness": [{"missing": []}],
}
FIELD = {
    "verify_dependency": "dependency",
    "verify_atomicity": "atomicity",
    "verify_sequential": "sequential_rationality",
    "verify_completeness": "completeness",
}


def scores(whole, teacher):
    return asyncio.run(score(whole, teacher, attempts=2)).model_dump()


def verified(whole, teacher):
    return asyncio.run(verify(whole, teacher, attempts=2))


def test_each_judge_fills_its_own_score(whole, list_teacher):
    assert scores(whole, list_teacher(PERFECT)) == dict.fromkeys(FIELD.values(), 1.0)
    spoiled = {
        "verify_dependency": [{"status": "redundant"}],
        "verify_atomicity": [{"judgements": [{"id": i, "is_atomic": i < 3} for i in (1, 2, 3)]}],
        "verify_sequential": [{"forced": [3, 3]}],
        "verify_completeness": [{"missing": ["the height of Mount Cant"]}],
    }
    assert scores(whole, list_teacher(spoiled)) == {
        "dependency": 0.0,
        "atomicity": 2 / 3,
        "sequential_rationality": 1 - 1 / 3,
        "completeness": 0.0,
    }


@pytest.mark.parametrize("judge", list(FIELD))
def test_a_judge_that_fails_leaves_null_and_no_verdict(whole, list_teacher, judge):
    teacher = list_teacher({**PERFECT, judge: []})
    assert scores(whole, teacher) == dict.fromkeys(FIELD.values(), 1.0) | {FIELD[judge]: None}
    with pytest.raises(TeacherError, match=f"{FIELD[judge]} unknown"):
        verified(whole, teacher)


@pytest.mark.parametrize(
    ("judge", "reply"),
    [
        ("verify_atomicity", {"judgements": [{"id": 1, "is_atomic": True}]}),
        ("verify_sequential", {"forced": [7]}),
    ],
)
def test_an_answer_about_other_sub_questions_is_no_score(whole, list_teacher, judge, reply):
    never, late = (
        list_teacher({**PERFECT, judge: [reply, reply]}),
        list_teacher({**PERFECT, judge: [reply, *PERFECT[judge]]}),
    )
    assert scores(whole, never)[FIELD[judge]] is None
    assert never.forgotten == [prompt for prompt in never.asked if prompt.name == judge]
    assert scores(whole, late)[FIELD[judge]] == 1.0
    assert late.forgotten == []


def test_roots_have_no_dependency_to_judge(whole, list_teacher):
    teacher = list_teacher(PERFECT)
    scores(whole, teacher)
    assert [p.variables["node"] for p in teacher.asked if p.name == "verify_dependency"] == [3]
    flat = whole.model_copy(update={"sub_questions": whole.sub_questions[:2]})
    two = {"judgements": PERFECT["verify_atomicity"][0]["judgements"][:2]}
    no_judge = list_teacher({**PERFECT, "verify_dependency": [], "verify_atomicity": [two]})
    assert scores(flat, no_judge)["dependency"] == 1.0
