"""Tables give every call the arguments of all others, as nulls, unless calls are kept as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_synthesis.records import BadRecord

_PROBLEM = (
    "has a call with an argument that is null, as tables fill in what a call does not have: "
    "keep `messages` as JSON text"
)


def checked(path: Path, number: int, row: Any) -> Any:
    """A table's row, or the `BadRecord` of one with such a call. Where messages are a text, no table filled them."""
    return BadRecord(path, number, "messages", _PROBLEM, "filled_arguments") if _is_filled(row) else row


def _is_filled(row: Any) -> bool:
    messages = row.get("messages") if isinstance(row, dict) else None
    calls = [call for message in _objects(messages) for call in _objects(message.get("tool_calls"))]
    called = [call.get("function") or call for call in calls]
    arguments = [each.get("arguments") for each in called if isinstance(each, dict)]
    return any(value is None for each in arguments if isinstance(each, dict) for value in each.values())


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
