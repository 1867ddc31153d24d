"""Schemas of an OpenAPI document as JSON schemas that stand alone."""

from __future__ import annotations

from typing import Any

from data_synthesis.trajectories.intake.plain import DEEPEST
from data_synthesis.trajectories.intake.references import is_data, is_map, pointed

_MOST_REFERENCES = 5  # one inside the other
_MOST_VALUES = 20_000  # of one tool, when all references have been followed
_EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


class Expansion:
    """Puts what references point to in their places, for one tool.

    A reference that comes back to itself, or stands more than 5 deep in others, or would make the tool's schemas larger
    than 20,000 values, becomes `{}`, which allows anything. What points nowhere, or out of the document, stays: the
    check of the tool finds it.
    """

    def __init__(self, root: Any):
        self.root = root
        self._left = _MOST_VALUES

    def __call__(self, value: Any) -> Any:
        return self._expanded(value, (), 0, False)

    def _expanded(self, value: Any, opened: tuple[str, ...], depth: int, in_map: bool) -> Any:
        self._left -= 1
        if not isinstance(value, dict | list):
            return value
        if self._left < 0 or depth > DEEPEST // 2:
            return {}
        if isinstance(value, list):
            return [self._expanded(each, opened, depth + 1, False) for each in value]
        if not in_map and isinstance(value.get("$ref"), str):
            return self._followed(value, opened, depth)
        whole = {
            name: each
            if is_data(name, in_map)
            else self._expanded(each, opened, depth + 1, is_map(name, in_map))
            for name, each in value.items()
        }
        return whole if in_map else _modern(whole)

    def _followed(self, value: dict[str, Any], opened: tuple[str, ...], depth: int) -> Any:
        reference = value["$ref"]
        if reference in opened or len(opened) >= _MOST_REFERENCES:
            return {}
        try:
            target = pointed(self.root, reference)
        except LookupError:
            return value
        found = self._expanded(target, (*opened, reference), depth + 1, False)
        beside = {name: each for name, each in value.items() if name != "$ref"}
        return (
            {**found, **self._expanded(beside, opened, depth + 1, False)}
            if isinstance(found, dict)
            else found
        )


def _modern(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0's own keywords in the words of JSON Schema: `nullable`, and bounds that are made exclusive."""
    kind = schema.get("type")
    if schema.get("nullable") is True and isinstance(kind, str):
        schema["type"] = [kind, "null"]
        if isinstance(choices := schema.get("enum"), list) and None not in choices:
            schema["enum"] = [*choices, None]
    if isinstance(schema.get("nullable"), bool):
        del schema["nullable"]
    for exclusive, bound in _EXCLUSIVE.items():
        if isinstance(schema.get(exclusive), bool):
            is_exclusive = schema.pop(exclusive)
            if is_exclusive and bound in schema:
                schema[exclusive] = schema.pop(bound)
    return schema


def as_object(schema: Any) -> dict[str, Any] | None:
    """`properties` and `required` of a schema that describes an object by them, alone or as `allOf` such; else None."""
    if not isinstance(schema, dict) or schema.keys() & {"oneOf", "anyOf"}:
        return None
    parts = schema.get("allOf", [])
    merged: list[Any] = [as_object(part) for part in parts] if isinstance(parts, list) else [None]
    own = schema.get("properties")
    if isinstance(own, dict):
        required = schema.get("required")
        merged.append({"properties": own, "required": required if isinstance(required, list) else []})
    if not merged or None in merged:
        return None
    properties = {name: each for part in merged for name, each in part["properties"].items()}
    required = [name for part in merged for name in part["required"]]
    return {"properties": properties, "required": required}
