"""Who answers synthesis questions: a typed question gets a typed answer or a typed failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from string import Template
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from data_synthesis.records import content_hash

Reply = TypeVar("Reply", bound=BaseModel)


class TeacherError(Exception):
    """No usable answer: the reason is the message. A failed answer is never a score."""


class TeacherGone(Exception):
    """No question can be answered any more: the message says why and what to do. What was answered is kept."""


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
    template: str = field(default="", repr=False)  # the words, with a `$name` for each variable

    @property
    def key(self) -> str:
        return content_hash([self.name, self.version, self.variables])

    def text(self) -> str:
        """The question in words: the template filled in, and why earlier answers were refused."""
        filled = Template(self.template).substitute({k: _in_words(v) for k, v in self.variables.items()})
        refused = "".join(f"\n- {reason}" for reason in self.feedback)
        return filled + (f"\n\nYour earlier answers were refused:{refused}" if refused else "")


def _in_words(value: JsonValue) -> str:
    return value if isinstance(value, str) else to_json(value, indent=1).decode()


class Teacher(Protocol):
    """Implementations: transcript (recorded replies), procedural (domain generators), SGLang (HTTP)."""

    name: str

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """Answers with an instance of `prompt.response_model`.

        Raises:
            TeacherError: no answer that validates.
            TeacherGone: nothing can be asked any more, so the run ends.
        """
        ...

    def forget(self, prompt: Prompt[Any]) -> None:
        """Asks anew when `prompt` is asked again: its answer was of no use, and nothing was decided by that.

        Raises:
            TeacherGone: what is kept cannot be changed.
        """
        ...

    def usage(self) -> dict[str, Any]:
        """Questions asked, answers refused, tokens where they are known."""
        ...

    async def close(self) -> None:
        """Lets connections go, in the event loop that asked. `usage` still answers."""
        ...
