"""Step 3: four judges score a decomposition.

A judge that gives no answer leaves null: the record is then undecided, never good, and can be tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from data_synthesis.environments import prompts
from data_synthesis.environments.asking import all_of, ask_until
from data_synthesis.environments.lineage import revised
from data_synthesis.environments.replies import AtomicityReply, SequentialReply
from data_synthesis.environments.wordings import VERIFY_COMPLETENESS
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Decomposition, DecompositionScores
from data_synthesis.teacher.interface import Teacher, TeacherError

UNUSABLE = "unusable_judgement"


async def verify(whole: Decomposition, teacher: Teacher, *, attempts: int) -> Decomposition:
    """Fills in the scores.

    Raises:
        TeacherError: a judge gave no usable answer, so there is no mean.
    """
    scores = await score(whole, teacher, attempts=attempts)
    if silent := [name for name, value in scores.model_dump().items() if value is None]:
        raise TeacherError(f"a judge gave no usable answer: {', '.join(silent)} unknown")
    return revised(whole, teacher.name, VERIFY_COMPLETENESS.label, scores=scores)


async def score(whole: Decomposition, teacher: Teacher, *, attempts: int) -> DecompositionScores:
    """The four scores, each in [0, 1] or null where its judge failed."""
    dependency, atomicity, sequential, completeness = await asyncio.gather(
        _or_null(_dependency(whole, teacher)),
        _or_null(_atomicity(whole, teacher, attempts)),
        _or_null(_sequential(whole, teacher, attempts)),
        _or_null(_completeness(whole, teacher)),
    )
    return DecompositionScores(
        dependency=dependency,
        atomicity=atomicity,
        sequential_rationality=sequential,
        completeness=completeness,
    )


async def _or_null(judge: Awaitable[float]) -> float | None:
    try:
        return await judge
    except (TeacherError, Rejected):
        return None


async def _dependency(whole: Decomposition, teacher: Teacher) -> float:
    """The share of dependent sub-questions whose parents fit. Those without parents have nothing to judge."""
    dependent = [sub for sub in whole.sub_questions if sub.depends_on]
    replies = await all_of(teacher.ask(prompts.verify_dependency(whole, sub)) for sub in dependent)
    return sum(reply.status == "matched" for reply in replies) / len(replies) if replies else 1.0


async def _atomicity(whole: Decomposition, teacher: Teacher, attempts: int) -> float:
    ids = [sub.id for sub in whole.sub_questions]

    def check(reply: AtomicityReply) -> str:
        judged = [judgement.id for judgement in reply.judgements]
        return "" if judged == ids else f"the judgements are about {judged}, the sub-questions are {ids}"

    prompt = prompts.verify_atomicity(whole)
    reply = await ask_until(teacher, prompt, check, attempts=attempts, reason=UNUSABLE, decides=False)
    return sum(judgement.is_atomic for judgement in reply.judgements) / len(ids)


async def _sequential(whole: Decomposition, teacher: Teacher, attempts: int) -> float:
    ids = {sub.id for sub in whole.sub_questions}

    def check(reply: SequentialReply) -> str:
        unknown = sorted(set(reply.forced) - ids)
        return f"no sub-question has the id {unknown[0]}" if unknown else ""

    prompt = prompts.verify_sequential(whole)
    reply = await ask_until(teacher, prompt, check, attempts=attempts, reason=UNUSABLE, decides=False)
    return 1 - len(set(reply.forced)) / len(ids)


async def _completeness(whole: Decomposition, teacher: Teacher) -> float:
    reply = await teacher.ask(prompts.verify_completeness(whole))
    return 0.0 if reply.missing else 1.0
