"""Step 2: which sub-questions need a tool. Only a leaf may do without one: it closes the question in words."""

from __future__ import annotations

from data_synthesis.environments import prompts
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.lineage import revised
from data_synthesis.environments.replies import NecessityReply
from data_synthesis.environments.wordings import NECESSITY
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Decomposition
from data_synthesis.teacher.interface import Teacher


async def judge_necessity(whole: Decomposition, teacher: Teacher, *, attempts: int) -> Decomposition:
    """Fills in `tool_necessity` and `reason` of each sub-question.

    Raises:
        Rejected: `non_leaf_without_tool` or `no_tool_needed` by rule; `bad_necessity` if no answer judges all.
        TeacherError: no answer.
    """
    ids = [sub.id for sub in whole.sub_questions]

    def check(reply: NecessityReply) -> str:
        judged = [judgement.id for judgement in reply.judgements]
        return "" if judged == ids else f"the judgements are about {judged}, the sub-questions are {ids}"

    prompt = prompts.necessity(whole)
    reply = await ask_until(teacher, prompt, check, attempts=attempts, reason="bad_necessity")
    check_necessity(whole, {j.id: j.tool_necessity for j in reply.judgements})
    judged = [
        sub.model_copy(update={"tool_necessity": j.tool_necessity, "reason": j.reason})
        for sub, j in zip(whole.sub_questions, reply.judgements, strict=True)
    ]
    return revised(whole, teacher.name, NECESSITY.label, sub_questions=judged)


def check_necessity(whole: Decomposition, needed: dict[int, bool]) -> None:
    """
    Args:
        needed: sub-question -> whether it needs a tool.

    Raises:
        Rejected: `non_leaf_without_tool` or `no_tool_needed`.
    """
    parents = {parent for sub in whole.sub_questions for parent in sub.depends_on}
    if idle := sorted(i for i in parents if not needed[i]):
        raise Rejected("non_leaf_without_tool", f"others build on {idle}, which need no tool")
    if not any(needed.values()):
        raise Rejected("no_tool_needed", "every sub-question can be answered without a tool")
