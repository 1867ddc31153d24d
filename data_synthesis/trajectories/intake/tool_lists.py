"""Lists of tools as OpenAI's API takes them, or as an MCP server answers `tools/list`: one file is one server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data_synthesis.interop.json_values import Numbered
from data_synthesis.trajectories.intake.places import place, provenance_of
from data_synthesis.trajectories.intake.raw import RawServer, list_field, object_field, text_field


def is_tool(value: dict[str, Any]) -> bool:
    """Whether an object is one tool, with or without OpenAI's wrapper."""
    return "function" in value or ("tools" not in value and "name" in value and bool(value.keys() & _TELLING))


_TELLING = frozenset({"description", "parameters", "inputSchema", "input_schema"})


def listed_server(first: Numbered, tools: Sequence[Any], title: str = "", description: str = "") -> RawServer:
    """The tools as a server, which is called after the file where nobody says what it is called."""
    return RawServer(
        title=title or first.path.stem,
        description=description,
        tools=[_unwrapped(tool) for tool in tools],
        where=place(first),
        provenance=provenance_of(first),
    )


def tool_list_server(each: Numbered) -> RawServer:
    """An object with `tools`, which may also have a `name` and a `description`; or with that under `result`.

    Raises:
        Rejected: `bad_server`.
    """
    value = each.value if "tools" in each.value else object_field(each.value.get("result"), "result")
    tools = list_field(value.get("tools"), "tools")
    title = text_field(value.get("name"), "name")
    return listed_server(each, tools, title, text_field(value.get("description"), "description"))


def _unwrapped(tool: Any) -> Any:
    return tool["function"] if isinstance(tool, dict) and "function" in tool else tool
