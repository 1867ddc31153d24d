from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from data_synthesis.records import Decomposition
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.interface import Prompt, TeacherError


class ListTeacher:
    """Answers each prompt, named by its name or `name:node`, with a list of replies, one an attempt."""

    name = "list"

    def __init__(self, replies: Mapping[str, Sequence[dict]]):
        self.replies = replies
        self.asked: list[Prompt[Any]] = []
        self.forgotten: list[Prompt[Any]] = []

    async def ask(self, prompt: Prompt[Any]) -> Any:
        self.asked.append(prompt)
        named = f"{prompt.name}:{prompt.variables.get('node')}"
        replies = self.replies.get(named, self.replies.get(prompt.name, ()))
        if prompt.attempt >= len(replies):
            raise TeacherError(f"no reply to {named}")
        return prompt.response_model.model_validate(replies[prompt.attempt])

    async def close(self) -> None:
        """There is nothing to let go."""

    def forget(self, prompt: Prompt[Any]) -> None:
        self.forgotten.append(prompt)

    def usage(self) -> dict[str, Any]:
        return {"asked": len(self.asked)}


@pytest.fixture
def list_teacher() -> type[ListTeacher]:
    return ListTeacher


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    with LocalSandbox() as opened:
        yield opened


@pytest.fixture
def whole() -> Decomposition:
    """Two independent lookups and a closing comparison."""
    return Decomposition.model_validate(
        {
            "question": "Which is taller, Mount Arrel or Mount Besk?",
            "answer": "Mount Besk",
            "scenario": "parallel_multi_hop",
            "sub_questions": [
                {"id": 1, "question": "How tall is Mount Arrel?", "answer": 2871, "is_parallel": True},
                {"id": 2, "question": "How tall is Mount Besk?", "answer": 3412, "is_parallel": True},
                {
                    "id": 3,
                    "question": "Which is more?",
                    "answer": "Mount Besk",
                    "depends_on": [1, 2],
                    "hop_level": 2,
                },
            ],
        }
    )
