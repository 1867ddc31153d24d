"""Tool documents, however a source writes them, as tools that can be called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from data_synthesis.pipeline import Rejected
from data_synthesis.records import ServerTool
from data_synthesis.trajectories.intake.names import callable_name, check_name, numbered
from data_synthesis.trajectories.intake.plain import cut, is_writable, json_problem
from data_synthesis.trajectories.intake.raw import Unusable, kind_of
from data_synthesis.trajectories.intake.schema import checked_parameters, checked_schema
from data_synthesis.trajectories.intake.settings import IntakeSettings
from data_synthesis.trajectories.intake.vague import check_description

_PARAMETERS = ("parameters", "inputSchema", "input_schema")
_OUTPUT = ("output_schema", "outputSchema")


def tools_of(
    documents: Iterable[Any], settings: IntakeSettings, changes: Counter[str]
) -> tuple[list[ServerTool], list[Unusable]]:
    """The tools of one server that pass, in order and under names of their own, and the others.

    Of equal tools the first stays. Different ones of one name are told apart as `name_2`, `name_3`, ...; a name that
    some tool has from the start is never given to another.

    Args:
        changes: counts `renamed` tools, and of all that were read `text_cut` and `output_schema_left_out`.
    """
    found: list[ServerTool] = []
    refused: list[Unusable] = []
    for document in documents:
        try:
            tool = tool_of(document, settings, changes)
            check_description(tool, settings.min_words)
            found.append(tool)
        except Rejected as no:
            refused.append(Unusable(_shown_name(document), no.reason, no.detail))
    return _told_apart(found, refused, changes), refused


def tool_of(document: Any, settings: IntakeSettings, changes: Counter[str]) -> ServerTool:
    """One document as a tool with a callable name, and the original in `wire_name` where that is another.

    Raises:
        Rejected: `bad_tool`, `bad_name`, and what `checked_parameters` raises.
    """
    before = document if isinstance(document, ServerTool) else None
    document = _object(document)
    name = _name(document)
    before = before or ServerTool(name=name)
    content = {
        "name": callable_name(name),
        "description": _description(document, settings, changes),
        "parameters": checked_parameters(_first(document, _PARAMETERS), settings),
        "output_schema": _output_schema(_first(document, _OUTPUT), settings, changes),
    }
    return _named(before.model_copy(update=content), before)


def _object(document: Any) -> dict[str, Any]:
    if isinstance(document, Unusable):
        raise Rejected(document.reason, document.detail)
    if isinstance(document, ServerTool):
        document = document.model_dump()
        if problem := json_problem(document):
            raise Rejected("bad_tool", problem)
    if not isinstance(document, dict):
        raise Rejected("bad_tool", f"is {kind_of(document)}, not an object")
    return document


def _name(document: dict[str, Any]) -> str:
    name = document.get("name")
    if not isinstance(name, str):
        raise Rejected("bad_name", f"field `name` is {kind_of(name)}, not a text")
    check_name(name)
    return name


def _description(document: dict[str, Any], settings: IntakeSettings, changes: Counter[str]) -> str:
    text = document.get("description")
    if text is None:
        return ""
    if not isinstance(text, str) or not is_writable(text):
        raise Rejected("bad_tool", f"field `description` is {kind_of(text)} that cannot be read")
    changes["text_cut"] += len(text.strip()) > settings.max_description
    return cut(text.strip(), settings.max_description)


def _output_schema(schema: Any, settings: IntakeSettings, changes: Counter[str]) -> dict[str, Any] | None:
    """A tool can be used without one, so a bad one is left out, and counted."""
    if schema is None:
        return None
    try:
        return checked_schema(schema, settings)
    except Rejected:
        changes["output_schema_left_out"] += 1
        return None


def _first(document: dict[str, Any], names: Iterable[str]) -> Any:
    return next((document[name] for name in names if document.get(name) is not None), None)


def _named(tool: ServerTool, before: ServerTool) -> ServerTool:
    """
    Raises:
        Rejected: `bad_name`: the tool is code, which defines a function of the old name.
    """
    if tool.name == before.name:
        return tool
    if tool.source:
        raise Rejected("bad_name", f"is code, and its name would have to become `{tool.name}`")
    return tool.model_copy(update={"wire_name": before.called})


def _told_apart(
    tools: Iterable[ServerTool], refused: list[Unusable], changes: Counter[str]
) -> list[ServerTool]:
    tools = list(tools)
    natural = {tool.name for tool in tools}
    taken: dict[str, list[ServerTool]] = {}
    named: list[ServerTool] = []
    for tool in tools:
        before = taken.setdefault(tool.name, [])
        try:
            if tool in before:
                raise Rejected("duplicate_tool", "the server lists it twice, word for word")
            own = numbered(tool.name, natural) if before else tool.name
            named.append(_named(tool.model_copy(update={"name": own}), tool))
        except Rejected as no:
            refused.append(Unusable(tool.called, no.reason, no.detail))
            continue
        before.append(tool)
        natural.add(own)
        changes["renamed"] += own != tool.called
    return named


def _shown_name(document: Any) -> str:
    name = document.get("name") if isinstance(document, dict) else getattr(document, "name", None)
    if not isinstance(name, str) or not name.strip():
        return "(nameless)"
    return cut(name.encode(errors="replace").decode(), 100)
