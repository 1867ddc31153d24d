"""What an emulated tool returns where no model plays it: a value of its schema, or the call again with an id."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from data_synthesis.arenas.schema import value_problems
from data_synthesis.trajectories.rehearsal.clauses import in_words
from data_synthesis.trajectories.rehearsal.values import value


def emulated(tool: Mapping[str, Any], call: Mapping[str, Any], seed: str) -> JsonValue:
    """The same for the same tool, call and seed."""
    schema = tool.get("output_schema")
    if schema:
        made = value(_all_required(schema), schema, random.Random(seed))
        if not value_problems(made, schema):
            return made
    return {"done": in_words(str(tool["name"])), "for": call["arguments"], "reference": seed[:8]}


def _all_required(schema: Any) -> Any:
    """A tool gives what its document lists, also where it need not."""
    if isinstance(schema, Mapping) and isinstance(properties := schema.get("properties"), Mapping):
        return {**schema, "required": list(properties)}
    return schema
