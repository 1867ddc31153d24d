"""Tool source: real Python in several styles, with its own data and its own checks of what it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from data_synthesis.teacher.procedural import formulas
from data_synthesis.teacher.procedural.design import Design
from data_synthesis.teacher.procedural.domain import Column
from data_synthesis.teacher.procedural.world import Row

Parts = tuple[
    list[str], list[str]
]  # lines of the module before the function; lines that fetch the row's values

MISSING = (
    'raise ValueError(f"unknown {noun}: {keys}")',
    'raise LookupError(f"no {noun} found for {keys}")',
    'raise KeyError(f"{noun} not found: {keys}")',
)
TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
FORMAT_DATE = """\
def format_date(day, style):
    year, month, date = day.split("-")
    return {"iso": day, "us": f"{month}/{date}/{year}", "de": f"{int(date)}.{int(month)}.{year}"}[style]
"""


def write_source(design: Design, rows: list[Row], rng: Random, brief: bool) -> str:
    """A module that defines the function `design.name`."""
    missing = rng.choice(MISSING)
    names = [design.parameters[c.name] for c in design.lookup.given]
    missing = missing.replace("{noun}", design.lookup.table.noun)
    missing = missing.replace("{keys}", ", ".join(f"{{{name}!r}}" for name in names))
    head, fetch = STYLES[design.style](design, _columns(design), rows, missing)
    body = [*([] if brief else _checks(design)), *fetch, *_result(design)]
    lines = [*head, "", *_helpers(design), _signature(design), *(f"    {line}" for line in body)]
    return "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _columns(design: Design) -> list[str]:
    """The columns that the module holds: what is given, what is used, what is shown on request."""
    lookup = design.lookup
    return list(dict.fromkeys([*(c.name for c in lookup.given), *_fetched(design)]))


def _fetched(design: Design) -> list[str]:
    return [*design.lookup.uses, *(c.name for c in design.details)]


def _signature(design: Design) -> str:
    lookup = design.lookup
    parts = [f"{design.parameters[c.name]}: {_type(c)}" for c in (*lookup.given, *lookup.extra)]
    if design.unit:
        parts.append(f"{design.unit}: str = {literal(next(iter(design.units)))}")
    if design.date_format:
        parts.append('date_format: str = "iso"')
    if design.details:
        parts.append("details: bool = False")
    return f"def {design.name}({', '.join(parts)}) -> dict:"


def _type(column: Column) -> str:
    return TYPES[str(column.kind.schema["type"])]


def _helpers(design: Design) -> list[str]:
    lines: list[str] = []
    if design.lookup.formula:
        lines += ["", *formulas.source(design.lookup.formula).splitlines(), ""]
    if design.unit:
        units = {unit: (factor, offset) for unit, (factor, offset, _) in design.units.items()}
        lines += ["", f"UNITS = {units!r}", "", "", *formulas.source(formulas.convert).splitlines(), ""]
    if design.date_format:
        lines += ["", *FORMAT_DATE.splitlines(), ""]
    return [*lines, ""]


def _checks(design: Design) -> list[str]:
    lines: list[str] = []
    for column in (*design.lookup.given, *design.lookup.extra):
        lines += _check(design.parameters[column.name], column)
    if design.unit:
        allowed = ", ".join(design.units)
        lines += [
            f"if {design.unit} not in UNITS:",
            f'    raise ValueError("{design.unit} must be one of {allowed}")',
        ]
    if design.date_format:
        lines += [
            'if date_format not in ("iso", "us", "de"):',
            '    raise ValueError("date_format must be iso, us or de")',
        ]
    return lines


def _check(name: str, column: Column) -> list[str]:
    schema = column.kind.schema
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [
            f"if not {low} <= {name} <= {high}:",
            f'    raise ValueError(f"{name} must be from {low} to {high}, not {{{name}}}")',
        ]
    if schema.get("format") == "date":
        return [
            f"if not (len({name}) == 10 and {name}[4] == {name}[7] == '-'):",
            f'    raise ValueError(f"{name} must be a date such as 2026-01-31, not {{{name}!r}}")',
        ]
    return [
        f"if not isinstance({name}, str) or not {name}.strip():",
        f'    raise TypeError("{name} must be a non-empty string")',
    ]


def _result(design: Design) -> list[str]:
    lookup, result = design.lookup, design.result
    lines: list[str] = []
    if lookup.formula:
        arguments = [*lookup.uses, *(design.parameters[c.name] for c in lookup.extra)]
        lines.append(f"{result} = {lookup.formula.__name__}({', '.join(arguments)})")
    elif lookup.uses[0] != result:
        lines.append(f"{result} = {lookup.uses[0]}")
    if design.unit:
        base = literal(next(iter(design.units)))
        lines += [f"if {design.unit} != {base}:", f"    {result} = convert({result}, {design.unit}, UNITS)"]
    if design.date_format:
        lines.append(f"{result} = format_date({result}, date_format)")
    return [*lines, *_return(design)]


def _return(design: Design) -> list[str]:
    fields = {design.result: design.result}
    if design.shape == "echo":
        fields = {design.parameters[c.name]: design.parameters[c.name] for c in design.lookup.given} | fields
    if design.unit:
        fields[design.unit] = design.unit
    shown = "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"
    wrapped = f'{{"result": {shown}}}' if design.shape == "nested" else shown
    if not design.details:
        return [f"return {wrapped}"]
    extra = design.details[0].name
    inside = '["result"]' if design.shape == "nested" else ""
    return [
        f"answer = {wrapped}",
        "if details:",
        f'    answer{inside}["{extra}"] = {extra}',
        "return answer",
    ]


def _mapping(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    given = [c.name for c in design.lookup.given]
    fetched = _fetched(design)

    def packed(row: Row, names: list[str]) -> str:
        values = [literal(row[name]) for name in names]
        return values[0] if len(values) == 1 else f"({', '.join(values)})"

    table = f"{design.lookup.table.name}_{design.result}".upper()
    head = [f"{table} = {{", *(f"    {packed(r, given)}: {packed(r, fetched)}," for r in rows), "}"]
    names = [design.parameters[name] for name in given]
    key = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return head, [f"if {key} not in {table}:", f"    {missing}", f"{', '.join(fetched)} = {table}[{key}]"]


def _records(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    dicts = [", ".join(f'"{name}": {literal(row[name])}' for name in columns) for row in rows]
    head = ["ROWS = [", *(f"    {{{d}}}," for d in dicts), "]"]
    fields = {name: f'row["{name}"]' for name in columns}
    fetch = [
        "for row in ROWS:",
        f"    if {_matches(design, fields)}:",
        *(f"        {name} = {fields[name]}" for name in _fetched(design)),
        "        break",
        "else:",
        f"    {missing}",
    ]
    return head, fetch


def _parallel(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    head = [f"{name.upper()} = [{', '.join(literal(row[name]) for row in rows)}]" for name in columns]
    arguments = [design.parameters[c.name] for c in design.lookup.given]
    keys = [c.name.upper() for c in design.lookup.given]
    wanted = arguments[0] if len(arguments) == 1 else f"({', '.join(arguments)})"
    known = keys[0] if len(keys) == 1 else f"list(zip({', '.join(keys)}))"
    fetch = [
        f"known = {known}",
        f"if {wanted} not in known:",
        f"    {missing}",
        f"position = known.index({wanted})",
        *(f"{name} = {name.upper()}[position]" for name in _fetched(design)),
    ]
    return head, fetch


def _text(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    lines = ["|".join(str(row[name]) for name in columns) for row in rows]
    fields = {name: _cast(rows[0][name], i) for i, name in enumerate(columns)}
    head = ['DATA = """\\', *lines, '"""']
    fetch = [
        "for text in DATA.splitlines():",
        '    fields = text.split("|")',
        f"    if {_matches(design, fields)}:",
        *(f"        {name} = {fields[name]}" for name in _fetched(design)),
        "        break",
        "else:",
        f"    {missing}",
    ]
    return head, fetch


def _cast(example: Any, index: int) -> str:
    return f"fields[{index}]" if isinstance(example, str) else f"{type(example).__name__}(fields[{index}])"


def _objects(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    name = _class_name(design)
    head = [f"class {name}:", f"    def __init__(self, {', '.join(columns)}):"]
    head += [f"        self.{column} = {column}" for column in columns]
    return [*head, "", "", *_instances(name, columns, rows)], _from_instance(design, columns, missing)


def _dataclass(design: Design, columns: list[str], rows: list[Row], missing: str) -> Parts:
    name = _class_name(design)
    head = ["from dataclasses import dataclass", "", "", "@dataclass(frozen=True)", f"class {name}:"]
    head += [f"    {column}: {type(rows[0][column]).__name__}" for column in columns]
    return [*head, "", "", *_instances(name, columns, rows)], _from_instance(design, columns, missing)


def _class_name(design: Design) -> str:
    return design.lookup.table.name.title().replace("_", "")


def _instances(name: str, columns: list[str], rows: list[Row]) -> list[str]:
    made = [f"    {name}({', '.join(literal(row[c]) for c in columns)})," for row in rows]
    return ["ENTRIES = [", *made, "]"]


def _from_instance(design: Design, columns: list[str], missing: str) -> list[str]:
    fields = {name: f"entry.{name}" for name in columns}
    return [
        f"found = [entry for entry in ENTRIES if {_matches(design, fields)}]",
        "if not found:",
        f"    {missing}",
        *(f"{name} = found[0].{name}" for name in _fetched(design)),
    ]


def _matches(design: Design, values: dict[str, str]) -> str:
    """The condition that an entry, whose columns are read as `values` say, is the one asked for."""
    return " and ".join(f"{values[c.name]} == {design.parameters[c.name]}" for c in design.lookup.given)


STYLES: dict[str, Callable[[Design, list[str], list[Row], str], Parts]] = {
    "mapping": _mapping,
    "records": _records,
    "columns": _parallel,
    "text": _text,
    "objects": _objects,
    "dataclass": _dataclass,
}
