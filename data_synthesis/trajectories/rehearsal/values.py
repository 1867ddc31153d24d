"""Arguments that fit a tool's schema, made of nothing but a seed: plain, but different from call to call."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from data_synthesis.arenas.schema import problems, resolved

_DEEPEST = 6  # levels of nesting
_WORDS = (
    "amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbour", "indigo", "juniper", "kestrel",
    "lantern", "meadow", "nimbus", "orchid", "pebble", "quartz", "raven", "saffron", "tundra", "umber", "violet",
)  # fmt: skip
_FORMATS = {
    "date": lambda rng: f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
    "date-time": lambda rng: f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T09:00:00Z",
    "time": lambda rng: f"{rng.randint(0, 23):02}:30:00Z",
    "email": lambda rng: f"{rng.choice(_WORDS)}@example.org",
    "uri": lambda rng: f"https://example.org/{rng.choice(_WORDS)}",
    "url": lambda rng: f"https://example.org/{rng.choice(_WORDS)}",
    "uuid": lambda rng: f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}",
}


def arguments(parameters: Mapping[str, Any], rng: random.Random) -> dict[str, JsonValue] | None:
    """The required arguments of a tool, or null where none were found that fit its schema."""
    try:
        made = _object({**parameters, "type": "object"}, parameters, rng, 0)
    except (TypeError, ValueError):  # a bound that is no number
        return None
    return None if problems(made, parameters) else made


def value(schema: Any, root: Any, rng: random.Random, depth: int = 0) -> JsonValue:
    """A value for `schema`, whose local references are looked up in `root`. It may fit or not: whoever asks checks."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return _text({}, rng)
    if isinstance(reference := schema.get("$ref"), str):
        return value(resolved(reference, root), root, rng, depth + 1)
    if isinstance(choices := schema.get("enum"), list) and choices:
        return rng.choice(choices)
    for fixed in ("const", "default"):
        if schema.get(fixed) is not None:
            return schema[fixed]
    for combined in ("anyOf", "oneOf", "allOf"):
        if isinstance(options := schema.get(combined), list) and options:
            return value(options[0], root, rng, depth + 1)
    return _of_type(schema, root, rng, depth)


def _of_type(schema: Mapping[str, Any], root: Any, rng: random.Random, depth: int) -> JsonValue:
    kinds = schema.get("type")
    kind = kinds if isinstance(kinds, str) else next((k for k in kinds or [] if k != "null"), "string")
    if kind == "object":
        return _object(schema, root, rng, depth)
    if kind == "array":
        count = max(1, schema.get("minItems") or 1)
        return [value(schema.get("items", {}), root, rng, depth + 1) for _ in range(min(count, 4))]
    if kind in ("integer", "number"):
        return _number(schema, rng)
    return rng.random() < 0.5 if kind == "boolean" else _text(schema, rng)


def _object(schema: Mapping[str, Any], root: Any, rng: random.Random, depth: int) -> dict[str, JsonValue]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = [name for name in schema.get("required") or [] if name in properties]
    return {name: value(properties[name], root, rng, depth + 1) for name in required}


def _number(schema: Mapping[str, Any], rng: random.Random) -> int:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    least = int(least) + 1 if isinstance(least, int | float) else 1
    most = schema.get("maximum")
    most = int(most) if isinstance(most, int | float) else least + 40
    return rng.randint(min(least, most), max(least, most))


def _text(schema: Mapping[str, Any], rng: random.Random) -> str:
    if made := _FORMATS.get(str(schema.get("format"))):
        return made(rng)
    text = f"{rng.choice(_WORDS)} {rng.randint(2, 99)}"
    while len(text) < schema.get("minLength", 0):
        text += f" {rng.choice(_WORDS)}"
    return text[: schema.get("maxLength", len(text))]
