"""Stages that workers of a cluster can import, and that go wrong there as the questions say."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from data_synthesis.pipeline import Rejected, Stage
from data_synthesis.records import Provenance, Question, Record
from data_synthesis.teacher.interface import TeacherError, TeacherGone


def questions(count: int, *more: str) -> list[Question]:
    return [Question(question=text) for text in (*map(str, range(count)), *more)]


async def twice(question: Question) -> list[Record]:
    """Two outputs; many questions share their second ones."""
    await asyncio.sleep(0.01)
    origin = Provenance(parents=[question.id])
    texts = (question.question, f"last letter {question.question[-1]}")
    return [Question(question=text, provenance=origin) for text in texts]


async def checked(question: Question) -> list[Record]:
    await asyncio.sleep(0.01)
    if question.question == "7":
        raise Rejected("seven", "it is")
    if question.question == "mute":
        raise TeacherError("no reply")
    if question.question == "nobody there":
        raise TeacherGone("no server answers; start one")
    if question.question.startswith("kill once "):
        _kill_once(Path(question.question.removeprefix("kill once ")))
    return [question]


def _kill_once(marker: Path) -> None:
    if not marker.exists():
        marker.touch()
        os._exit(1)


async def logged(question: Question, log: Path) -> list[Record]:
    with log.open("a") as lines:
        lines.write(f"{question.question}, once {question.provenance.parents}\n")
    return [question]


class Deeds:
    """Makes the stages; `log` takes a line for each record that comes to the last one."""

    def __init__(self, log: Path):
        self.log = log

    def __call__(self) -> Sequence[Stage[Question]]:
        async def last(question: Question) -> list[Record]:
            return await logged(question, self.log)

        return [
            Stage("twice", Question, twice),
            Stage("checked", Question, checked),
            Stage("logged", Question, last),
        ]


class Broken:
    """Makes no stages."""

    def __call__(self) -> Sequence[Stage[Question]]:
        raise RuntimeError("there is no sandbox here")
