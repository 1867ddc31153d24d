"""Checks a call's arguments against its tool's JSON schema, with one clear sentence for each problem.

Covers what tool documents use: types, `required`, `enum`, `const`, bounds, `multipleOf`, lengths, nested objects and
arrays, `anyOf`, `oneOf` and local `$ref`. `pattern` and `format` are left to the tool: a pattern from an untrusted
document can take for ever to match. What is not understood is accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import JsonValue

_DEEPEST = 32  # levels; ends schemas that refer to themselves
_MOST_STEPS = 20_000  # of one check; ends those that do so in several places
_KINDS = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}
_BOUNDS = {
    "minimum": ("at least", lambda value, bound: value >= bound),
    "maximum": ("at most", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("more than", lambda value, bound: value > bound),
    "exclusiveMaximum": ("less than", lambda value, bound: value < bound),
    "multipleOf": ("a multiple of", lambda value, bound: _is_multiple(value, bound)),
}
_LENGTHS = {"minLength": str, "maxLength": str, "minItems": list, "maxItems": list}


def problems(arguments: Mapping[str, JsonValue], parameters: Mapping[str, Any]) -> list[str]:
    """What is wrong with `arguments`, one sentence each; empty when they fit.

    Args:
        parameters: the tool's JSON schema. Unlike in JSON Schema, a name that it does not list is a problem unless
            `additionalProperties` allows it: the call is going to become a Python call.
    """
    closed = {"additionalProperties": False, **parameters, "type": "object"}
    return list(_problems(dict(arguments), closed, "", _Document(parameters), 0))


def value_problems(value: JsonValue, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with any value by a schema, as JSON Schema has it: what is not listed is allowed."""
    return list(_problems(value, schema, "", _Document(schema), 0))


class _Document:
    """The schema in which references are looked up, and how much work may still be spent on it."""

    def __init__(self, root: Mapping[str, Any]):
        self.root, self.steps = root, _MOST_STEPS


def _problems(value: Any, schema: Any, path: str, root: _Document, depth: int) -> Iterator[str]:
    root.steps -= 1
    if not isinstance(schema, Mapping) or depth > _DEEPEST or root.steps < 0:
        return
    if isinstance(reference := schema.get("$ref"), str):
        yield from _problems(value, resolved(reference, root.root), path, root, depth + 1)
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type")
    if isinstance(types, list) and not any(is_type(value, name) for name in types):
        yield f"{_named(path)} must be {_listed(types)}, not {_shown(value)}"
        return
    yield from _choice_problems(value, schema, path, root, depth)
    yield from _size_problems(value, schema, path)
    if isinstance(value, dict):
        yield from _object_problems(value, schema, path, root, depth)
    if isinstance(value, list):
        for index, element in enumerate(value):
            yield from _problems(element, schema.get("items"), f"{path}[{index}]", root, depth + 1)


def is_type(value: Any, name: str) -> bool:
    """Whether a JSON value has the JSON-schema type `name`. 3.0 is an integer, true is not; unknown names fit all."""
    if name in ("integer", "number"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (name == "number" or isinstance(value, int) or value.is_integer())
    return isinstance(value, _KINDS.get(name, object))


def _choice_problems(value: Any, schema: Mapping, path: str, root: _Document, depth: int) -> Iterator[str]:
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(choices, list) and not any(_same(value, choice) for choice in choices):
        yield f"{_named(path)} must be one of {', '.join(map(_shown, choices))}, not {_shown(value)}"
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and options:
            found = [list(_problems(value, option, path, root, depth + 1)) for option in options]
            if all(found):
                yield f"{_named(path)} fits none of its forms: {'; or '.join(each[0] for each in found)}"


def _size_problems(value: Any, schema: Mapping, path: str) -> Iterator[str]:
    for keyword, (words, holds) in _BOUNDS.items():
        bound = schema.get(keyword)
        if is_type(value, "number") and is_type(bound, "number") and not holds(value, bound):
            yield f"{_named(path)} must be {words} {bound}, not {value}"
    for keyword, kind in _LENGTHS.items():
        bound = schema.get(keyword)
        if isinstance(value, kind) and isinstance(bound, int):
            unit, least = ("characters" if kind is str else "elements"), keyword.startswith("min")
            if len(value) < bound if least else len(value) > bound:
                words = "at least" if least else "at most"
                yield f"{_named(path)} must have {words} {bound} {unit}, not {len(value)}"


def _is_multiple(value: float, step: float) -> bool:
    """By decimal digits, as 0.3 is a multiple of 0.1. What cannot be told is accepted."""
    try:
        return step <= 0 or Decimal(repr(value)) % Decimal(repr(step)) == 0
    except InvalidOperation:
        return True


def _object_problems(value: dict, schema: Mapping, path: str, root: _Document, depth: int) -> Iterator[str]:
    fields = schema.get("properties")
    fields = fields if isinstance(fields, Mapping) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in value:
            yield f"{_named(_inside(path, name))} is required and missing"
    for name, inner in value.items():
        if name in fields:
            yield from _problems(inner, fields[name], _inside(path, name), root, depth + 1)
        elif schema.get("additionalProperties") is False:
            known = ", ".join(f"`{field}`" for field in fields) or "none"
            yield f"{_named(_inside(path, name))} is not a parameter; the parameters are: {known}"


def resolved(reference: str, root: Any) -> Any:
    """What a local `$ref` of the document `root` points to; None for any other, or where nothing is there."""
    if not reference.startswith("#"):
        return None
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else []:
        root = root.get(step) if isinstance(root, Mapping) else None
    return root


def _same(value: Any, choice: Any) -> bool:
    return isinstance(value, bool) == isinstance(choice, bool) and value == choice


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _named(path: str) -> str:
    return f"`{path}`" if path else "the arguments"


def _listed(types: list) -> str:
    return " or ".join(f"{'an' if str(name)[:1] in 'aeiou' else 'a'} {name}" for name in types)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
