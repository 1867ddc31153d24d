"""ms-swift's own roles: a call is a message `tool_call` after the assistant's text, a result a `tool_response`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data_synthesis.trajectories.rows.json_texts import unpacked

_ROLES = {"tool_response": "tool"}


def in_openai_form(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the calls of a turn in one message of the assistant, and results as `tool`.

    Raises:
        Rejected: `bad_message`: a call is no JSON object.
    """
    out: list[dict[str, Any]] = []
    for message in messages:
        role = message.get("role")
        if role != "tool_call":
            out.append({**message, "role": _ROLES.get(str(role), role)})
            continue
        call = unpacked(message.get("content"), dict, "bad_message", "a `tool_call`")
        turn = out.pop() if out and out[-1].get("role") == "assistant" else {"role": "assistant"}
        weights = {name: message[name] for name in ("loss", "weight") if message.get(name) is not None}
        out.append({**turn, **weights, "tool_calls": [*(turn.get("tool_calls") or []), call]})
    return out
