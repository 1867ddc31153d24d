"""Other arguments for a gold call: each argument changed alone, and all of them together.

Changed values are legitimate ones where the tool lets us know some: other choices of an enum, other values of the
same column of the tool's own data (`tables.py`), the arguments of its other gold calls. Numbers, dates and times move
both ways and far, so that a bound is crossed. A text also becomes one that no tool knows. An argument for which the
schema allows none of these becomes what the schema itself suggests (`perturb.py`). Where no legitimate value of an
argument was answered, text of the same shape is tried (`shifted`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, get_args

from pydantic import JsonValue

from data_synthesis.arenas.perturb import MADE_UP, allows_one_value, moments, of_the_same_shape, others
from data_synthesis.arenas.schema import problems
from data_synthesis.arenas.scoring import canonical
from data_synthesis.arenas.tables import Scalar
from data_synthesis.arenas.text import normalise, number_token
from data_synthesis.records import GoldCall, ToolSpec

_SIBLINGS = 3  # other known values tried for one argument
_JOINT = 4  # calls tried in which every argument is another one
_SUGGESTED = 4  # values tried for an argument of which only the schema is known
_SHIFTED = 3  # values with a known beginning, and as many of the same shape, tried for one argument
_THOUGHT_OF = 200  # such values looked at, most of which may not fit

Column = Sequence[Scalar]
# Where a changed value comes from: the arena's own data, a move from the gold call's value, the shape of that value,
# or nowhere at all.
Kind = Literal["known", "moved", "shifted", "made_up"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Change:
    """A call like a gold call, but for one argument, or for all when `argument` is empty."""

    argument: str
    arguments: dict[str, JsonValue]
    kind: Kind = "known"


def changes(
    gold: GoldCall, spec: ToolSpec, columns: Sequence[Column], siblings: Sequence[GoldCall]
) -> list[Change]:
    """Changed calls that the tool's schema allows, each once.

    Args:
        columns: see `tables.columns`.
        siblings: other gold calls of the same tool.
    """
    found: list[Change] = []
    seen = {canonical(gold.arguments)}
    own = {name: column for name, value in gold.arguments.items() if (column := _column_of(value, columns))}
    for name, value in gold.arguments.items():
        known = [*_choices(spec, name), *own.get(name, ()), *(each.arguments.get(name) for each in siblings)]
        others: list[tuple[Kind, JsonValue]] = [("moved", each) for each in _with_known_parts(value, columns)]
        options = (
            Change(name, {**gold.arguments, name: other}, kind)
            for kind, other in [*_options(value, known), *others]
        )
        found += list(_allowed(options, spec, seen)) or _suggested(name, gold, spec, seen)
    joint = [*_joint(gold, own), *(Change("", dict(each.arguments)) for each in siblings)]
    return [*found, *_allowed(joint, spec, seen)]


def shifted(
    name: str, gold: GoldCall, spec: ToolSpec, columns: Sequence[Column], found: Sequence[Change]
) -> list[Change]:
    """Calls that are not in `found`: one argument begins as another row does, or has other digits and letters.

    A tool that only looks at the form of an argument takes them. One that looks it up knows none of them, as a rule.
    """
    seen = {canonical(each.arguments) for each in found} | {canonical(gold.arguments)}
    value = gold.arguments[name]
    values = [*islice(_with_known_beginning(value, columns), _SHIFTED), *of_the_same_shape(value)]
    options = (Change(name, {**gold.arguments, name: value}, "shifted") for value in values)
    return list(islice(_allowed(options, spec, seen), 2 * _SHIFTED))


def _with_known_beginning(value: JsonValue, columns: Sequence[Column]) -> Iterator[JsonValue]:
    """A text that begins with a value of a column, with the column's other values in its place."""
    text = value if isinstance(value, str) else ""
    for column in columns:
        for known in column:
            if isinstance(known, str) and known and text.startswith(known):
                yield from (f"{other}{text[len(known) :]}" for other in column if other != known)


def unchanged(gold: GoldCall, spec: ToolSpec, found: Sequence[Change]) -> list[str]:
    """The arguments for which `found` has no other value although the schema seems to allow one."""
    changed = {change.argument for change in found}
    return [
        name
        for name in gold.arguments
        if name not in changed and not allows_one_value(_schema(spec, name), spec.parameters)
    ]


def _suggested(name: str, gold: GoldCall, spec: ToolSpec, seen: set[str]) -> list[Change]:
    values = islice(others(gold.arguments[name], _schema(spec, name), spec.parameters), _THOUGHT_OF)
    suggested = (Change(name, {**gold.arguments, name: value}, "moved") for value in values)
    return list(islice(_allowed(suggested, spec, seen), _SUGGESTED))


def _options(value: JsonValue, candidates: Sequence[JsonValue]) -> Iterator[tuple[Kind, JsonValue]]:
    known = {_key(each): each for each in candidates if _key(each) not in (None, _key(value))}
    for each in list(known.values())[:_SIBLINGS]:
        yield "known", each
    for each in _moved(value):
        yield "moved", each
    if isinstance(value, str):
        yield "made_up", MADE_UP


def _allowed(found: Iterable[Change], spec: ToolSpec, seen: set[str]) -> Iterator[Change]:
    """The calls that fit the document and are not in `seen`, to which they are added."""
    for change in found:
        text = canonical(change.arguments)
        if text not in seen and not problems(change.arguments, spec.parameters):
            seen.add(text)
            yield change


def _joint(gold: GoldCall, own: dict[str, list[JsonValue]]) -> Iterator[Change]:
    """Calls with the values of another row, where all arguments that have a column differ from the gold call's."""
    rows = [dict(zip(own, values, strict=True)) for values in zip(*own.values(), strict=False)]
    different = [row for row in rows if all(_key(row[name]) != _key(gold.arguments[name]) for name in own)]
    for row in different[:_JOINT]:
        yield Change("", {**gold.arguments, **row})


def _column_of(value: JsonValue, columns: Sequence[Column]) -> list[JsonValue]:
    """The longest column that holds `value`, in the type of `value`; empty when none does."""
    key = _key(value)
    holding = [column for column in columns if key is not None and key in map(_key, column)]
    return [_like(value, each) for each in max(holding, key=len, default=())]


def _with_known_parts(value: JsonValue, columns: Sequence[Column]) -> Iterator[list[JsonValue]]:
    """A list with one of its first elements replaced by another one of its column."""
    elements = value if isinstance(value, list) else []
    present = set(map(_key, elements))
    for place, element in enumerate(elements[:_SIBLINGS]):
        if new := [each for each in _column_of(element, columns) if _key(each) not in present]:
            yield [*elements[:place], new[0], *elements[place + 1 :]]


def _choices(spec: ToolSpec, name: str) -> list[JsonValue]:
    schema = _schema(spec, name)
    choices = schema.get("enum") if isinstance(schema, dict) else None
    return choices if isinstance(choices, list) else []


def _schema(spec: ToolSpec, name: str) -> Any:
    fields = spec.parameters.get("properties")
    return fields.get(name) if isinstance(fields, dict) else None


def _key(value: JsonValue) -> str | None:
    """Equal for two spellings of one argument."""
    if isinstance(value, str):
        return normalise(value)
    return number_token(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _like(value: JsonValue, other: Scalar) -> JsonValue:
    """`other` in the type of `value`: a number may stand in the data as text, and the other way round."""
    try:
        return type(value)(other) if isinstance(value, str | int | float) else other
    except (ValueError, OverflowError):
        return other


def _moved(value: JsonValue) -> list[JsonValue]:
    """Values near and far from `value`, both ways."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2 + 3, value // 2, 0]
    if isinstance(value, float):
        return [value + 1, value * 2 + 3, value / 2, 0.0]
    if isinstance(value, str):
        return list(moments(value))
    if isinstance(value, list) and value:
        first = [MADE_UP] if isinstance(value[0], str) else _moved(value[0])[:1]
        return [value[:-1], value[1:], *([other, *value[1:]] for other in first)]
    if isinstance(value, dict):
        return [{**value, name: other} for name, inner in value.items() for other in _moved(inner)[:1]]
    return []
