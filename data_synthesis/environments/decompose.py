"""Step 1: a question becomes sub-questions with answers, joined in a DAG."""

from __future__ import annotations

from data_synthesis.environments import graph, prompts
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.replies import DecompositionReply
from data_synthesis.environments.wordings import DECOMPOSE
from data_synthesis.records import Decomposition, Provenance, Question
from data_synthesis.teacher.interface import Teacher


async def decompose(question: Question, teacher: Teacher, *, attempts: int) -> Decomposition:
    """Asks for a decomposition until its structure holds by rule.

    Raises:
        Rejected: `bad_structure`.
        TeacherError: no answer.
    """
    prompt = prompts.decompose(question)
    reply = await ask_until(teacher, prompt, _problems, attempts=attempts, reason="bad_structure")
    provenance = Provenance(parents=[question.id], teacher=teacher.name, prompt_version=DECOMPOSE.label)
    asked = question.model_dump(include={"question", "domain", "language", "context"})
    return Decomposition.model_validate({**asked, **reply.model_dump(), "provenance": provenance})


def _problems(reply: DecompositionReply) -> str:
    return "; ".join(graph.problems(reply.sub_questions, reply.scenario))
