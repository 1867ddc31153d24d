"""Asking a teacher until its answer holds, a bounded number of times, with the reason for each refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel

from data_synthesis.pipeline import Rejected
from data_synthesis.teacher.interface import Prompt, Teacher

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")


async def ask_until(
    teacher: Teacher,
    prompt: Prompt[R],
    check: Callable[[R], str],
    *,
    attempts: int,
    reason: str,
    decides: bool = True,
) -> R:
    """The first answer in which `check` finds no problem.

    Args:
        prompt: begins at its own `attempt`, with its own `feedback`.
        check: says what is wrong with an answer, and nothing if it holds. Runs in a thread: it may block.
        attempts: answers asked for at most; each repetition carries the problems of those before it.
        reason: the code of the rejection when they are used up.
        decides: whether that rejects the record. Where it leaves it undecided the teacher forgets the answers, or the
            next run would get the same ones.

    Raises:
        Rejected: no answer held; the detail is the last problem.
        TeacherError: the teacher gave no answer.
    """
    problem, asked = "", []
    for _ in range(attempts):
        reply = await teacher.ask(prompt)
        asked.append(prompt)
        problem = await asyncio.to_thread(check, reply)
        if not problem:
            return reply
        prompt = replace(prompt, attempt=prompt.attempt + 1, feedback=(*prompt.feedback, problem))
    for useless in () if decides else asked:
        teacher.forget(useless)
    raise Rejected(reason, f"{prompt.name}, after {attempts} answers: {problem}")


async def all_of(jobs: Iterable[Awaitable[T]]) -> list[T]:
    """The results in order. All jobs end first; then the first error in order, not in time, is raised."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]
