"""Messages as OpenAI's protocol spells them, to a server and from it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import JsonValue

from data_synthesis.records import Message
from data_synthesis.teacher.server import chat

_THOUGHT = "</think>"


def split_thought(said: chat.Message) -> tuple[str | None, str]:
    """Reasoning, or None, and content: servers without a reasoning parser send both as one text."""
    before, closed, after = (said.content or "").rpartition(_THOUGHT)
    reasoning = said.reasoning_content or (before.removeprefix("<think>").strip() if closed else None)
    return reasoning or None, after.strip()


def as_sent(message: Message) -> dict[str, Any]:
    """As OpenAI's protocol spells it: arguments are text there."""
    sent = message.openai()
    sent.pop("reasoning_content", None)
    for call in sent.get("tool_calls", ()):
        function = call["function"]
        function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
    return sent


def as_parsed(call: chat.Call) -> tuple[str, str, dict[str, JsonValue] | None, str]:
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
