"""Other values that a JSON schema allows, for arguments of which nothing else is known."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import JsonValue

from data_synthesis.arenas.schema import resolved

MADE_UP = "Qvexlorn"
_DEEPEST = 8  # levels; ends schemas that refer to themselves
_DAYS = (1, -1, 45, -400)
_MINUTES = (1, -1, 47, -47, 367, -367)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)((?::[0-5]\d)?)")
_SHIFTS = (1, 3, 7)  # letters and digits onwards
_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_SAMPLES: dict[str, JsonValue] = {
    "string": MADE_UP,
    "integer": 3,
    "number": 2.5,
    "boolean": True,
    "null": None,
    "array": [],
    "object": {},
}


def others(value: JsonValue, schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[JsonValue]:
    """Values that are not far from `value`, or that `schema` names. Some may not fit: that is for the caller to see.

    Args:
        root: the document in which `$ref` is looked up.
    """
    schema = schema if isinstance(schema, Mapping) and depth <= _DEEPEST else {}
    for form in _forms(schema, root):
        yield from others(value, form, root, depth + 1)
    choices = schema.get("enum")
    yield from choices if isinstance(choices, list) else ()
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from _numbers(value, schema)
    elif isinstance(value, str):
        yield from _texts(value, schema)
    elif isinstance(value, list):
        yield from _lists(value, schema, root, depth)
    elif isinstance(value, dict):
        yield from _objects(value, schema, root, depth)
    yield from _samples(schema)


def allows_one_value(schema: Any, root: Mapping[str, Any]) -> bool:
    """Whether a schema plainly leaves no choice."""
    if not isinstance(schema, Mapping):
        return False
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return (
        (isinstance(choices, list) and len(choices) < 2)
        or schema.get("type") == "null"
        or ("minimum" in schema and schema["minimum"] == schema.get("maximum"))
        or 0 in (schema.get("maxLength"), schema.get("maxItems"))
        or (schema.get("additionalProperties") is False and not schema.get("properties"))
        or any(allows_one_value(form, root) for form in _forms(schema, root) if "$ref" in schema)
    )


def moments(text: str) -> Iterator[str]:
    """A date, a date with a time, or a time of the day, moved both ways and far; nothing for other text."""
    if clock := _CLOCK.fullmatch(text):
        minute = 60 * int(clock[1]) + int(clock[2])
        moved = (minute + minutes for minutes in _MINUTES)
        yield from (
            f"{at // 60:0{len(clock[1])}}:{at % 60:02}{clock[3]}" for at in moved if 0 <= at < 24 * 60
        )
        return
    try:
        day = date.fromisoformat(text[:10]) if len(text) == 10 or text[10:11] in ("T", " ") else None
    except ValueError:
        return
    if day is not None and 400 < day.toordinal() < 3_000_000:
        yield from (f"{day + timedelta(days=days)}{text[10:]}" for days in _DAYS)


def of_the_same_shape(value: JsonValue) -> list[JsonValue]:
    """`value` with the digits of its texts moved onwards, and with their letters moved too; nothing without text."""
    tables = [_shifted(by, alphabets) for by in _SHIFTS for alphabets in (_ALPHABETS[:1], _ALPHABETS)]
    found = [_translated(value, table) for table in tables]
    return [each for place, each in enumerate(found) if each != value and each not in found[:place]]


def _translated(value: JsonValue, table: dict[int, int]) -> JsonValue:
    if isinstance(value, str):
        return value.translate(table)
    if isinstance(value, dict):
        return {name: _translated(inner, table) for name, inner in value.items()}
    return [_translated(inner, table) for inner in value] if isinstance(value, list) else value


def _forms(schema: Mapping, root: Mapping[str, Any]) -> Iterator[Any]:
    if isinstance(reference := schema.get("$ref"), str):
        yield resolved(reference, root)
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        yield from options if isinstance(options, list) else ()


def _numbers(value: float, schema: Mapping) -> Iterator[JsonValue]:
    step = schema.get("multipleOf", 1)
    step = step if isinstance(step, int | float) and step else 1
    yield from (value + step, value - step, value * 2 + 3, 0)
    bounds = [schema.get(f"{kind}{end}") for kind in ("m", "exclusiveM") for end in ("inimum", "aximum")]
    known = [bound for bound in bounds if isinstance(bound, int | float)]
    yield from (near for bound in known for near in (bound, bound + step, bound - step))
    if isinstance(value, float):
        yield from ((value + bound) / 2 for bound in known)


def _texts(value: str, schema: Mapping) -> Iterator[str]:
    """Moments; text of the same shape, as a pattern may want it; made-up text of an allowed length."""
    yield from moments(value)
    yield from (value.translate(_shifted(by)) for by in _SHIFTS)
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength")
    if isinstance(shortest, int) and shortest <= 1000:
        text = MADE_UP * (1 + shortest // len(MADE_UP))
        yield text[: longest if isinstance(longest, int) else None]


def _shifted(by: int, alphabets: Sequence[str] = _ALPHABETS) -> dict[int, int]:
    return str.maketrans("".join(alphabets), "".join(a[by:] + a[:by] for a in alphabets))


def _lists(value: list, schema: Mapping, root: Mapping[str, Any], depth: int) -> Iterator[JsonValue]:
    items = schema.get("items")
    for place, element in enumerate(value):
        for other in others(element, items, root, depth + 1):
            yield [*value[:place], other, *value[place + 1 :]]
    yield from (value[:-1], value[1:], [*value, *value[-1:]])
    yield from ([*value, sample] for sample in _samples(items if isinstance(items, Mapping) else {}))


def _objects(value: dict, schema: Mapping, root: Mapping[str, Any], depth: int) -> Iterator[JsonValue]:
    fields = schema.get("properties")
    fields = fields if isinstance(fields, Mapping) else {}
    for name, inner in value.items():
        yield from ({**value, name: other} for other in others(inner, fields.get(name), root, depth + 1))
        yield {kept: value[kept] for kept in value if kept != name}
    for name in (*(name for name in fields if name not in value), MADE_UP):
        field = fields.get(name)
        yield from (
            {**value, name: sample} for sample in _samples(field if isinstance(field, Mapping) else {})
        )


def _samples(schema: Mapping) -> Iterator[JsonValue]:
    """Values of each type that the schema names, or text."""
    choices = schema.get("enum")
    yield from choices if isinstance(choices, list) else ()
    types = schema.get("type", "string")
    for name in types if isinstance(types, list) else [types]:
        sample = _SAMPLES.get(name) if isinstance(name, str) else None
        yield sample
        if isinstance(sample, str):
            yield from _texts(sample, schema)
        elif isinstance(sample, int | float) and not isinstance(sample, bool):
            yield from _numbers(sample, schema)
