"""Tool documents of teachers, by rule: a function schema that does not give the answer away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.environments.replies import ToolDocument
from data_synthesis.records import ToolSpec


def document_problem(tool: ToolDocument, answer: JsonValue = None) -> str:
    """What keeps a tool document from being a function schema that says nothing of `answer`; empty if nothing does."""
    parameters = tool.parameters
    properties, required = parameters.get("properties"), parameters.get("required", [])
    if parameters.get("type") != "object" or not isinstance(properties, dict):
        return "`parameters` must be a JSON schema of type object with `properties`"
    if not isinstance(required, list) or not set(map(str, required)) <= set(properties):
        return f"`required` must list names out of `properties`, not {required}"
    if odd := sorted(name for name in properties if not name.isidentifier()):
        return f"parameters must have names that Python can use, not {odd}"
    if any(contains_answer(value, answer) for value in _samples(parameters)):
        return "a default or an example in `parameters` is the answer that the tool is to find"
    return ""


def narrowing_problem(tool: ToolDocument, base: ToolSpec) -> str:
    """What a new document of the tool `base` takes away from those who call it; empty if nothing is."""
    if tool.name != base.name:
        return f"the tool is called {base.name}, not {tool.name}"
    if lost := sorted(set(_properties(base.parameters)) - set(_properties(tool.parameters))):
        return f"the parameter {lost[0]} is gone"
    if new := sorted(set(_required(tool.parameters)) - set(_required(base.parameters))):
        return f"the parameter {new[0]} is required now, and was not"
    return ""


def _properties(parameters: dict[str, JsonValue]) -> dict[str, Any]:
    properties = parameters.get("properties")
    return properties if isinstance(properties, dict) else {}


def _required(parameters: dict[str, JsonValue]) -> list[Any]:
    required = parameters.get("required")
    return required if isinstance(required, list) else []


def _samples(schema: Any) -> Iterator[JsonValue]:
    """The defaults and examples of a schema, at any depth."""
    if isinstance(schema, list):
        for part in schema:
            yield from _samples(part)
    elif isinstance(schema, dict):
        for name, part in schema.items():
            if name in ("default", "example", "examples") and not _is_property(part):
                yield part
            else:
                yield from _samples(part)


def _is_property(part: Any) -> bool:
    """Whether what is called `default` is itself a schema: a parameter of that name."""
    return isinstance(part, dict) and ("type" in part or "description" in part)
