"""Tool documents: a name, a description and a JSON schema of the parameters."""

from __future__ import annotations

from random import Random
from typing import Any

from data_synthesis.records import ToolSpec
from data_synthesis.teacher.procedural.design import Design
from data_synthesis.teacher.procedural.domain import Column, Lookup

OPENINGS = (
    "Returns {what}.",
    "Looks up {what}.",
    "Gives {what}.",
    "Finds {what}.",
    "Use this to get {what}.",
    "Retrieves {what}.",
)
CALC_OPENINGS = ("Computes {what}.", "Calculates {what}.", "Returns {what}.", "Works out {what}.")
REMARKS = (
    "Fails with a clear message when nothing matches.",
    "Values must match exactly, including upper and lower case.",
    "Covers current entries only.",
    "One entry per call.",
    "Raises an error for unknown values.",
    "Read-only: nothing is changed.",
)
EXAMPLES = ("for example {example}", "such as {example}", "e.g. {example}")


def write_document(design: Design, rng: Random, brief: bool) -> ToolSpec:
    lookup = design.lookup
    columns = (*lookup.given, *lookup.extra)
    if brief:
        properties: dict[str, Any] = {
            design.parameters[c.name]: {"type": c.kind.schema["type"]} for c in columns
        }
        description = brief_description(lookup)
    else:
        properties = {design.parameters[c.name]: _parameter(c, lookup, rng) for c in columns}
        description = _description(lookup, rng)
    required = list(properties)
    properties |= _optional(design)
    parameters = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name=design.name, description=description, parameters=parameters)


def brief_description(lookup: Lookup) -> str:
    what = _what(lookup, brief=True)
    return what[0].upper() + what[1:] + "."


def _what(lookup: Lookup, brief: bool) -> str:
    """`gate of a flight`, `flight by origin and destination`."""
    if not lookup.by_key:
        return (
            lookup.stem.replace("_", " ")
            if brief
            else f"{lookup.asked.label} by {' and '.join(c.label for c in lookup.given)}"
        )
    if len(lookup.given) > 1:
        return f"{lookup.asked.label} for a {' and '.join(c.label for c in (*lookup.given, *lookup.extra))}"
    what = f"{lookup.asked.label} of {a(lookup.table.noun)}"
    if lookup.extra and not brief:
        what += " for " + " and ".join(c.label for c in lookup.extra)
    return what


def a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _description(lookup: Lookup, rng: Random) -> str:
    openings = CALC_OPENINGS if lookup.formula else OPENINGS
    opening = rng.choice(openings).format(what="the " + _what(lookup, brief=False))
    return " ".join([opening, *rng.sample(REMARKS, rng.randint(0, 2))])


def _parameter(column: Column, lookup: Lookup, rng: Random) -> dict[str, Any]:
    """Examples are drawn anew, so that they tell the form of a value and never a value of the arena."""
    label = column.arg.replace("_", " ")
    if column not in lookup.extra and column.label not in label:
        label += f" of the {column.label}"
    if column.kind.schema.get("format") == "date":
        text = f"{label} as an ISO 8601 date, YYYY-MM-DD"
    elif "enum" in column.kind.schema or not column.kind.is_text:
        text = label
    else:
        text = f"{label}, {rng.choice(EXAMPLES).format(example=column.kind.make(rng))}"
    return {**column.kind.schema, "description": text[0].upper() + text[1:] + "."}


def _optional(design: Design) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if design.unit:
        units = list(design.units)
        what = f"{design.unit.capitalize()} of the result. Defaults to {units[0]}."
        found[design.unit] = {"type": "string", "enum": units, "default": units[0], "description": what}
    if design.date_format:
        what = "How dates are written: 2026-03-09, 03/09/2026 or 9.3.2026. Defaults to iso."
        found["date_format"] = {
            "type": "string",
            "enum": ["iso", "us", "de"],
            "default": "iso",
            "description": what,
        }
    if design.details:
        what = f"Also return the {design.details[0].label}. Defaults to false."
        found["details"] = {"type": "boolean", "default": False, "description": what}
    return found
