"""An agent behind an OpenAI-compatible server: chat completions with the tools of the run."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, JsonValue

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import content_hash
from data_synthesis.teacher.server.answers import Refused
from data_synthesis.teacher.server.asker import Question
from data_synthesis.teacher.server.chat import Completion
from data_synthesis.teacher.server.messages import as_parsed, as_sent, split_thought
from data_synthesis.teacher.server.teacher import ServerTeacher
from data_synthesis.trajectories.runs.interface import Situation, Turn

_NAME = "agent_turn"
_ASK_AGAIN = "Call tools, or answer the user."


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
        messages = [as_sent(message) for message in situation.messages]
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
        reasoning, content = split_thought(said)
        calls = [as_parsed(call) for call in said.tool_calls or []]
        if not content and not calls:
            raise Refused("it was empty")
        return _Kept(content=content, reasoning=reasoning, calls=calls).model_dump_json()
