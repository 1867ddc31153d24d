"""Outputs that give an answer only because they repeat an argument in which it stands.

`cheapest(["Astoria", "Bristol"])` may well return `"Astoria"`: it has chosen. A tool that returns both has not.
"""

from __future__ import annotations

from pydantic import JsonValue

from data_synthesis.arenas.scoring import contains_answer, leaves, scalar_text
from data_synthesis.records import GoldCall


def echoes(gold: GoldCall, output: JsonValue) -> bool:
    """Whether the expected answer stands in an argument, and is gone from the output without what it repeats.

    Repeated is an argument of several parts where all of them are in one text, list or object of the output, once
    each; a single value where it is the whole output, or stands under the argument's name.
    """
    given, parts = list(gold.arguments.values()), list(leaves(gold.expected))
    if not all(contains_answer(given, part) for part in parts):
        return False
    rest = output
    for name, value in gold.arguments.items():
        rest = _without(rest, name, value)
    return not any(contains_answer(rest, part) for part in parts)


def _without(output: JsonValue, name: str, value: JsonValue) -> JsonValue:
    parts = [text for leaf in leaves(value) if (text := scalar_text(leaf))]
    if len(parts) > 1:
        return _without_parts(output, parts)
    return None if output == value else _without_field(output, name, value)


def _without_field(output: JsonValue, name: str, value: JsonValue) -> JsonValue:
    if isinstance(output, dict):
        kept = {key: inner for key, inner in output.items() if (key, inner) != (name, value)}
        return {key: _without_field(inner, name, value) for key, inner in kept.items()}
    return [_without_field(inner, name, value) for inner in output] if isinstance(output, list) else output


def _without_parts(output: JsonValue, parts: list[str]) -> JsonValue:
    """The innermost places that hold all of `parts` without them, as normalised text; the others as they are."""
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, list) else []
    taken = [_without_parts(each, parts) for each in inner]
    if taken != list(inner):
        return taken
    text = " | ".join(scalar_text(leaf) for leaf in leaves(output))
    for part in parts:
        if f" {part} " not in f" {text} ":
            return output
        text = f" {text} ".replace(f" {part} ", " ", 1).strip()
    return text
