"""A data set's row: a chat row, columns to filter by, and beside them what those cannot carry of a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_synthesis.pipeline import Rejected
from data_synthesis.records import AgentRun, Trajectory
from data_synthesis.trajectories.rows.json_texts import packed, unpacked
from data_synthesis.trajectories.rows.messages import from_chat, to_chat
from data_synthesis.trajectories.rows.usable import called, language_of, mean_score, query_of, scores_of

# Column -> its type, see `ShardWriter`.
COLUMNS = {
    "messages": "objects",
    "tools": "string",
    "id": "string",
    "schema_version": "int32",
    "query": "string",
    "language": "string",
    "domain": "string",
    "status": "string",
    "n_messages": "int32",
    "n_calls": "int32",
    "score": "float64",
    "scores": "string",
    "other": "string",
}
_SAME = ("id", "schema_version", "domain", "status")  # the record's fields that have a column


def to_columns(row: Trajectory) -> dict[str, Any]:
    """The row of a record; `from_columns` gives the record back."""
    chat = to_chat(row)
    dumped = row.model_dump(mode="json")
    carried = _carried(row, chat)
    other = {name: value for name, value in dumped.items() if name not in carried}
    return {
        "messages": [packed(message) for message in chat["messages"]],
        "tools": chat["tools"],
        **{name: dumped[name] for name in _SAME},
        "query": query_of(row),
        "language": language_of(row),
        "n_messages": len(row.messages),
        "n_calls": len(called(row)),
        "score": mean_score(row),
        "scores": packed(scores_of(row)),
        "other": packed(other),
    }


def from_columns(row: Mapping[str, Any]) -> Trajectory:
    """
    Raises:
        Rejected: `bad_other`, and as `from_chat` says.
        ValidationError: the columns make no record.
    """
    other = unpacked(row["other"], dict, "bad_other", "`other`")
    chat = from_chat({**row, "messages": [_message(message) for message in row["messages"]]})
    fields = {name: row[name] for name in _SAME} | {"messages": chat.messages, "tools": chat.tools} | other
    return (AgentRun if "task" in other else Trajectory).model_validate(fields)


def _message(value: Any) -> Any:
    return unpacked(value, dict, "bad_message", "a message")


def _carried(row: Trajectory, chat: Mapping[str, Any]) -> set[str]:
    """The fields that need no place in `other`: messages and tools too, where the chat row gives back all of them."""
    try:
        read = from_chat(chat)
    except Rejected:
        return set(_SAME)
    return {*_SAME, *(name for name in ("messages", "tools") if getattr(read, name) == getattr(row, name))}
