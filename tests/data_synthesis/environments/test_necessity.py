import asyncio

import pytest

from data_synthesis.environments.necessity import judge_necessity
from data_synthesis.pipeline import Rejected


def judgements(*needed: bool) -> dict:
    return {
        "judgements": [{"id": i, "tool_necessity": n, "reason": f"r{i}"} for i, n in enumerate(needed, 1)]
    }


def run(whole, teacher):
    return asyncio.run(judge_necessity(whole, teacher, attempts=2))


def test_only_a_leaf_may_do_without_a_tool(whole, list_teacher):
    judged = run(whole, list_teacher({"necessity": [judgements(True, True, False)]}))
    assert [sub.tool_necessity for sub in judged.sub_questions] == [True, True, False]
    assert [sub.reason for sub in judged.sub_questions] == ["r1", "r2", "r3"]
    assert judged.provenance.parents == [whole.id]
    assert judged.id != whole.id
    with pytest.raises(Rejected, match=r"non_leaf_without_tool: others build on \[2\]"):
        run(whole, list_teacher({"necessity": [judgements(True, False, True)]}))


def test_a_question_without_any_tool_is_rejected(list_teacher, whole):
    alone = whole.model_copy(update={"sub_questions": whole.sub_questions[:1]})
    with pytest.raises(Rejected, match="no_tool_needed"):
        run(alone, list_teacher({"necessity": [judgements(False)]}))


def test_judgements_that_do_not_cover_the_sub_questions_are_asked_again(whole, list_teacher):
    teacher = list_teacher({"necessity": [judgements(True, True), judgements(True, True, True)]})
    assert all(sub.tool_necessity for sub in run(whole, teacher).sub_questions)
    assert "the judgements are about [1, 2]" in teacher.asked[1].feedback[0]
    with pytest.raises(Rejected, match="bad_necessity"):
        run(whole, list_teacher({"necessity": [judgements(True)] * 2}))
