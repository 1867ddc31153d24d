"""What a judge is asked about a run: on what was said up to a message, and not beyond it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, JsonValue

from data_synthesis.environments.wordings import Wording
from data_synthesis.records import AgentRun, Message, ToolCall
from data_synthesis.teacher.interface import Prompt
from data_synthesis.trajectories.judge import replies, wordings
from data_synthesis.trajectories.judge.settings import JudgeSettings


def opening(run: AgentRun, end: int, settings: JudgeSettings) -> Prompt[replies.OpeningReply]:
    return _prompt(wordings.OPENING, replies.OpeningReply, run, end, settings)


def round_(run: AgentRun, end: int, settings: JudgeSettings) -> Prompt[replies.RoundReply]:
    return _prompt(wordings.ROUND, replies.RoundReply, run, end, settings)


def calls(run: AgentRun, asked: Sequence[ToolCall], settings: JudgeSettings) -> Prompt[replies.CallsReply]:
    shown: list[JsonValue] = [{"id": call.id, "name": call.name} for call in asked]
    last = len(run.messages) - 1
    return _prompt(wordings.CALLS, replies.CallsReply, run, last, settings, calls=shown)


def answer(run: AgentRun, settings: JudgeSettings) -> Prompt[replies.AnswerReply]:
    return _prompt(wordings.ANSWER, replies.AnswerReply, run, len(run.messages) - 1, settings)


def conversation(run: AgentRun, end: int, output_chars: int) -> str:
    """Messages up to the index `end`, without the system's, one JSON object a line: that of fewer is its beginning.

    A message cannot break out of its line, so it cannot pass for another.
    """
    statuses = {event.call_id: event.status for event in run.events}
    said = [message for message in run.messages[: end + 1] if message.role != "system"]
    return "\n".join(json.dumps(_shown(m, statuses, output_chars), ensure_ascii=False) for m in said)


def _shown(message: Message, statuses: dict[str, Any], output_chars: int) -> dict[str, Any]:
    content = message.content
    if message.role == "tool" and len(content) > output_chars:
        content = f"{content[:output_chars]} [cut: {len(content) - output_chars} more characters]"
    shown: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        shown["calls"] = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in message.tool_calls]
    if message.tool_call_id:
        shown |= {"call": message.tool_call_id, "status": statuses.get(message.tool_call_id, "unknown")}
    return shown


def _prompt(
    wording: Wording,
    reply: type[BaseModel],
    run: AgentRun,
    end: int,
    settings: JudgeSettings,
    **variables: JsonValue,
) -> Prompt[Any]:
    tools: list[JsonValue] = [tool.model_dump(mode="json", exclude_none=True) for tool in run.tools]
    shown: dict[str, JsonValue] = {
        "question": run.task.query,
        "tools": tools,
        "conversation": conversation(run, end, settings.output_chars),
        "sample": settings.sample,
        **variables,
    }
    return Prompt(wording.name, wording.version, shown, reply, template=wording.template)
