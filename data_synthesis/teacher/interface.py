"""Who answers synthesis questions: a typed question gets a typed answer or a typed failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from data_synthesis.records import content_hash

Reply = TypeVar("Reply", bound=BaseModel)


class TeacherError(Exception):
    """No usable answer: the reason is the message. A failed answer is never a score."""


@dataclass(frozen=True)
class Prompt(Generic[Reply]):
    """A named, versioned question with the model that its answer must satisfy.

    `variables` are what the template is filled with, and what `key` is made of: two prompts with the same
    name, version and variables are the same question, and may share one cached or recorded answer.
    """

    name: str
    version: str
    variables: dict[str, JsonValue]
    response_model: type[Reply]
    attempt: int = 0  # counts retries of the same question after its answer was refused
    feedback: tuple[str, ...] = field(default=())  # why earlier answers were refused

    @property
    def key(self) -> str:
        return content_hash([self.name, self.version, self.variables])


class Teacher(Protocol):
    """Implementations: transcript (recorded replies), procedural (domain generators), SGLang (HTTP)."""

    name: str

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """Answers with an instance of `prompt.response_model`.

        Raises:
            TeacherError: no answer that validates.
        """
        ...

    def usage(self) -> dict[str, Any]:
        """Questions asked, answers refused, tokens where they are known."""
        ...
