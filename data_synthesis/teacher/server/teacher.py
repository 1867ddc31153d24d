"""The teacher behind an OpenAI-compatible server: typed questions, and answers that validate."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from data_synthesis.records import content_hash
from data_synthesis.teacher.interface import Prompt
from data_synthesis.teacher.server.answers import answer_text, validated
from data_synthesis.teacher.server.asker import Asker, Question
from data_synthesis.teacher.server.chat import Completion
from data_synthesis.teacher.server.settings import ServerSettings

Reply = TypeVar("Reply", bound=BaseModel)

_ASK_AGAIN = "Answer the question again, with one JSON object and nothing else."


class ServerTeacher(Asker):
    """Asks a language model over HTTP, as `Asker` does: what validated is kept, a failure never is."""

    def __init__(self, settings: ServerSettings, ledger: str | Path, *, shared: bool = False):
        """As `Asker`."""
        super().__init__(settings, ledger, shared=shared)
        self._hows: dict[type[BaseModel], str] = {}

    async def __aenter__(self) -> ServerTeacher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """Answers with an instance of `prompt.response_model`.

        Raises:
            TeacherError: no usable answer to this question.
            TeacherGone: no question can be answered any more, as `Asker` says.
        """
        return prompt.response_model.model_validate_json(await self._answered(self._question(prompt)))

    def forget(self, prompt: Prompt[Any]) -> None:
        """Takes the answer out of the ledger, not what it cost.

        Raises:
            TeacherGone: the ledger cannot be written.
        """
        self._ledger.forget(self._key(prompt))

    def _question(self, prompt: Prompt[Any]) -> Question:
        def read(completion: Completion) -> str:
            text = answer_text(completion, self.settings.max_tokens)
            return validated(text, prompt.response_model).model_dump_json()

        messages = [{"role": "user", "content": prompt.text()}]
        fields = {"seed": _seed(prompt), **self._format(prompt)}
        return Question(self._key(prompt), prompt.name, messages, fields, read, _ASK_AGAIN)

    def _key(self, prompt: Prompt[Any]) -> str:
        """Of an answer. Repeated questions have the same words and different variables."""
        return content_hash(
            [self._asked_how(prompt.response_model), prompt.key, prompt.text(), prompt.attempt]
        )

    def _asked_how(self, model: type[BaseModel]) -> str:
        """Everything that an answer depends on beside the words of the question, as a hash."""
        if model not in self._hows:
            s = self.settings
            how = [s.model, s.answer, s.temperature, s.max_tokens, dict(s.extra_body), _schema(model)]
            self._hows[model] = content_hash(how)
        return self._hows[model]

    def _format(self, prompt: Prompt[Any]) -> dict[str, Any]:
        schema = {"name": prompt.name, "schema": _schema(prompt.response_model), "strict": True}
        formats = {
            "json_schema": {"type": "json_schema", "json_schema": schema},
            "json_object": {"type": "json_object"},
        }
        chosen = formats.get(self.settings.answer)
        return {"response_format": chosen} if chosen else {}


def _seed(prompt: Prompt[Any]) -> int:
    """Of sampling, 31 bits: the same in every run, another for each repetition of a question."""
    return int(content_hash([prompt.key, prompt.attempt])[:8], 16) & 0x7FFFFFFF


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of answers: made once, as every question and every request needs it. Not to be changed."""
    return model.model_json_schema()
