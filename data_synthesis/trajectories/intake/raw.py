"""A server as its source tells of it, before anything is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import JsonValue

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Provenance, Reach, ServerTool

BAD_SERVER = "bad_server"


class Unusable(NamedTuple):
    """A tool of which nothing can be made, by as much of its name as is known; `reason` is a code."""

    name: str
    reason: str
    detail: str


@dataclass(frozen=True)
class RawServer:
    """What every source is brought to, files and live servers alike.

    Args:
        tools: a tool document each: an object with `name`, `description` and `parameters`, `inputSchema` or
            `input_schema`, and perhaps `outputSchema` or `output_schema`. Anything else in its place is dropped with
            a reason. A `ServerTool` keeps its `source`, `wire_name` and unknown fields, which a document cannot set.
        where: the file and the line, the command or the address, for the report.
        extra: fields of the record that go through untouched.
    """

    title: str
    tools: Sequence[dict[str, Any] | ServerTool | Unusable | Any]
    description: str = ""
    domain: str = ""
    reach: Reach = field(default_factory=Reach)
    where: str = ""
    provenance: Provenance = field(default_factory=Provenance)
    extra: dict[str, JsonValue] = field(default_factory=dict)


def text_field(value: Any, field: str) -> str:
    """
    Raises:
        Rejected: `bad_server`: it is there and no text.
    """
    return "" if value is None else _typed(value, str, field, "a text")


def object_field(value: Any, field: str) -> dict[str, Any]:
    """
    Raises:
        Rejected: `bad_server`: it is no object.
    """
    return _typed(value, dict, field, "an object")


def list_field(value: Any, field: str) -> list[Any]:
    """
    Raises:
        Rejected: `bad_server`: it is no list.
    """
    return _typed(value, list, field, "a list")


def _typed(value: Any, kind: type, field: str, words: str) -> Any:
    if not isinstance(value, kind):
        raise Rejected(BAD_SERVER, f"field `{field}` is {kind_of(value)}, not {words}")
    return value


_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}


def kind_of(value: Any) -> str:
    """What JSON calls it, in words."""
    return _KINDS.get(type(value), "a number" if isinstance(value, int | float) else "no JSON value")
