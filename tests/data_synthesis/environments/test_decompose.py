import asyncio
import copy

import pytest
from pydantic import ValidationError

from data_synthesis.environments.decompose import decompose
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Question
from data_synthesis.teacher.interface import TeacherError

QUESTION = Question(
    question="How tall is the higher of Arrel and Besk?", domain="geography", context="In meters."
)
GOOD = {
    "scenario": "parallel_single_hop",
    "answer": 3412,
    "sub_questions": [
        {"id": 1, "question": "How tall is Arrel?", "answer": 2871, "hop_level": 1, "is_parallel": True},
        {"id": 2, "question": "How tall is Besk?", "answer": 3412, "hop_level": 1, "is_parallel": True},
    ],
}


def cyclic() -> dict:
    reply = copy.deepcopy(GOOD)
    reply["sub_questions"][0]["depends_on"] = [2]
    reply["sub_questions"][1]["depends_on"] = [1]
    return reply


def run(teacher, attempts=2):
    return asyncio.run(decompose(QUESTION, teacher, attempts=attempts))


def test_a_decomposition_keeps_what_was_asked_and_where_it_came_from(list_teacher):
    whole = run(list_teacher({"decompose": [GOOD]}))
    assert (whole.question, whole.domain, whole.context) == (QUESTION.question, "geography", "In meters.")
    assert [sub.answer for sub in whole.sub_questions] == [2871, 3412]
    assert whole.provenance.parents == [QUESTION.id]
    assert whole.provenance.prompt_version == "decompose/1"
    assert whole.id == whole.content_id()


def test_a_malformed_structure_is_asked_again_with_what_was_wrong(list_teacher):
    teacher = list_teacher({"decompose": [cyclic(), GOOD]})
    assert run(teacher).scenario == "parallel_single_hop"
    assert [prompt.attempt for prompt in teacher.asked] == [0, 1]
    assert "depend on each other in a circle" in teacher.asked[1].feedback[0]


def test_a_structure_that_stays_malformed_is_rejected(list_teacher):
    with pytest.raises(Rejected, match=r"bad_structure: decompose, after 2 answers: .*circle"):
        run(list_teacher({"decompose": [cyclic(), cyclic(), GOOD]}))


def test_no_answer_is_not_a_verdict(list_teacher):
    with pytest.raises(TeacherError):
        run(list_teacher({}))


@pytest.mark.parametrize("answer", [True, None, {"meters": 3412}, [True]])
def test_an_answer_is_text_a_number_or_a_list_of_them(list_teacher, answer):
    reply = copy.deepcopy(GOOD)
    reply["sub_questions"][0]["answer"] = answer
    with pytest.raises(ValidationError):
        run(list_teacher({"decompose": [reply]}))
