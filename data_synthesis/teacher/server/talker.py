"""A model behind an OpenAI-compatible server that takes part in a conversation: its turns are taken as they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, JsonValue

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, ToolSpec, content_hash
from data_synthesis.teacher.server.answers import Refused
from data_synthesis.teacher.server.asker import Asker, Question
from data_synthesis.teacher.server.chat import Completion
from data_synthesis.teacher.server.messages import as_parsed, as_sent, split_thought

_NAME = "turn"


class Said(BaseModel):
    """A turn as the ledger keeps it. `cut_off` is whether it ran out of tokens."""

    content: str
    reasoning: str | None
    calls: list[tuple[str, str, dict[str, JsonValue] | None, str]]
    cut_off: bool

    def parsed(self) -> list[ParsedCall]:
        return [ParsedCall(*call) for call in self.calls]


class Talker(Asker):
    """Whatever it says stands: an empty turn, one that was cut off, or calls that cannot be read are the model's own.

    A turn is kept in the ledger under everything that it depends on, so that a conversation that is played again asks
    nothing twice.
    """

    async def say(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), *, about: Sequence[JsonValue] = ()
    ) -> Said:
        """
        Args:
            about: what tells apart conversations that are otherwise equal, such as the number of a sample.

        Raises:
            TeacherError: the server refused, or did not serve it.
            TeacherGone: nothing can be asked any more, as `Asker` says.
        """
        sent, shown = [as_sent(message) for message in messages], [tool.openai() for tool in tools]
        s = self.settings
        asked = [s.model, s.temperature, s.max_tokens, dict(s.extra_body), sent, shown, list(about)]
        key = content_hash([_NAME, asked])
        fields: dict[str, Any] = {"seed": int(key[:8], 16) & 0x7FFFFFFF}
        if shown:
            fields |= {"tools": shown, "tool_choice": "auto"}
        question = Question(key, _NAME, sent, fields, _read, "Answer again.")
        return Said.model_validate_json(await self._answered(question))


def _read(completion: Completion) -> str:
    """
    Raises:
        Refused: it holds no turn.
    """
    if not completion.choices:
        raise Refused("there was no answer")
    choice = completion.choices[0]
    reasoning, content = split_thought(choice.message)
    calls = [as_parsed(call) for call in choice.message.tool_calls or []]
    cut_off = choice.finish_reason == "length"
    return Said(content=content, reasoning=reasoning, calls=calls, cut_off=cut_off).model_dump_json()
