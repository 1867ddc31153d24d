import asyncio
import copy

import pytest
from pydantic import ValidationError

from data_synthesis.environments import MODES
from data_synthesis.environments.decompose import decompose
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Question, Seed
from data_synthesis.teacher.interface import TeacherError

QUESTION = Question(question="How tall is the higher of Arrel and Besk?", domain="geography", licence="CC0")  # type: ignore[call-arg]
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


def run(teacher, attempts=2, seed=QUESTION):
    return asyncio.run(decompose(seed, teacher, attempts=attempts))


def test_a_decomposition_keeps_what_was_asked_and_where_it_came_from(list_teacher):
    whole = run(list_teacher({"decompose": [GOOD]}))
    assert (whole.question, whole.domain) == (QUESTION.question, "geography")
    assert whole.model_extra == {"licence": "CC0"}
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


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "question"])
def test_in_every_other_mode_the_teacher_invents_the_question(list_teacher, mode):
    seed = Seed(mode=mode, domain="geography", context="Two peaks.", shown=["height"], language="zh")
    teacher = list_teacher({f"decompose_{mode}": [{**GOOD, "question": "How tall are they?"}]})
    whole = run(teacher, seed=seed)
    assert (whole.question, whole.language) == ("How tall are they?", "zh")
    assert whole.context == (
        "Two peaks." if mode == "context" else None
    )  # what the user says of the situation
    assert "Write in Chinese" in teacher.asked[0].text()
    assert whole.provenance.prompt_version == f"decompose_{mode}/1"


def test_the_number_of_layers_is_held_to(list_teacher):
    seed = Seed(mode="domain", domain="geography", min_hops=2, max_hops=3)
    with pytest.raises(Rejected, match=r"bad_structure: .*there are 1 layers, not 2 to 3"):
        run(list_teacher({"decompose_domain": [{**GOOD, "question": "?"}] * 2}), seed=seed)
