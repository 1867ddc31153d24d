"""An agent behind an OpenAI-compatible server: chat completions with the tools of the run."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, JsonValue

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, content_hash
from data_synthesis.teacher.server.answers import Refused
from data_synthesis.teacher.server.asker import Question
from data_synthesis.teacher.server.chat import Call, Completion
from data_synthesis.teacher.server.teacher import ServerTeacher
from data_synthesis.trajectories.runs.interface import Situation, Turn

_NAME = "agent_turn"
_ASK_AGAIN = "Call tools, or answer the user."
_THOUGHT = "</think>"


class _Kept(BaseModel):
    """A turn as the ledger keeps it."""

    content: str
    reasoning: str | None
    calls: list[tuple[str, str, dict[str, JsonValue] | None, str]]


class ServerAgent(ServerTeacher):
    """A teacher that can be an agent too, so that all roles of one server share its room, its budget and its ledger.

    It sees messages and tools alone. Thoughts are kept apart, and not sent again. A turn is kept in the ledger under
    everything that it depends on, so that a run that is played again asks nothing twice.
    """

    async def turn(self, situation: Situation) -> Turn:
        """
        Raises:
            TeacherError: no usable turn.
            TeacherGone: nothing can be asked any more, as `Asker` says.
        """
        kept = _Kept.model_validate_json(await self._answered(self._turn_question(situation)))
        return Turn(kept.content, kept.reasoning, [ParsedCall(*call) for call in kept.calls])

    def _turn_question(self, situation: Situation) -> Question:
        messages = [_sent(message) for message in situation.messages]
        tools = [tool.openai() for tool in situation.tools]
        s = self.settings
        asked = [messages, tools, situation.task.id, situation.attempt]
        key = content_hash([_NAME, s.model, s.temperature, s.max_tokens, dict(s.extra_body), asked])
        fields: dict[str, Any] = {"seed": int(key[:8], 16) & 0x7FFFFFFF}
        if tools:
            fields |= {"tools": tools, "tool_choice": "auto"}
        return Question(key, _NAME, messages, fields, self._read_turn, _ASK_AGAIN)

    def _read_turn(self, completion: Completion) -> str:
        """
        Raises:
            Refused: it was cut off, or it neither says nor calls anything.
        """
        if not completion.choices:
            raise Refused("there was no answer")
        choice = completion.choices[0]
        if choice.finish_reason == "length":
            raise Refused(
                f"the answer was cut off after {self.settings.max_tokens} tokens; answer more briefly"
            )
        said = choice.message
        before, closed, after = (said.content or "").rpartition(_THOUGHT)
        reasoning = said.reasoning_content or (before.removeprefix("<think>").strip() if closed else None)
        calls = [_parsed(call) for call in said.tool_calls or []]
        if not after.strip() and not calls:
            raise Refused("it was empty")
        return _Kept(content=after.strip(), reasoning=reasoning or None, calls=calls).model_dump_json()


def _sent(message: Message) -> dict[str, Any]:
    """As OpenAI's protocol spells it: arguments are text there."""
    sent = message.openai()
    sent.pop("reasoning_content", None)
    for call in sent.get("tool_calls", ()):
        function = call["function"]
        function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
    return sent


def _parsed(call: Call) -> tuple[str, str, dict[str, JsonValue] | None, str]:
    """Id, name, arguments or null, and what is wrong with them. None at all are those of a tool without parameters."""
    arguments, problem = _arguments(call.function.arguments)
    return call.id or "", call.function.name, arguments, problem


def _arguments(sent: str | dict[str, Any] | None) -> tuple[dict[str, JsonValue] | None, str]:
    if isinstance(sent, dict):
        return sent, ""
    try:
        value = json.loads(sent) if sent and sent.strip() else {}
    except (ValueError, RecursionError) as error:
        return None, f"not JSON: {error}"
    return (value, "") if isinstance(value, dict) else (None, f"{json.dumps(value)[:60]} is no object")
