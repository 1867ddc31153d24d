"""A data set's row: the four columns of a released row, and beside them what those cannot carry of an arena."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, JsonValue

from data_synthesis.arenas.rl_rows import PACKED, RlRow, to_rl_row
from data_synthesis.records import (
    Arena,
    FollowUp,
    GoldCall,
    Provenance,
    Scenario,
    Variant,
    VerificationReport,
)

# Column -> its type, as pyarrow and `datasets` name it. Text that holds JSON is named in the card.
COLUMNS = {
    "prompt": "messages",
    "tool_schema": "string",
    "tool_dict": "string",
    "sub_qa_dict": "string",
    "id": "string",
    "schema_version": "int32",
    "domain": "string",
    "scenario": "string",
    "variant": "string",
    "n_gold": "int32",
    "n_tools": "int32",
    "gold_calls": "string",
    "follow_ups": "string",
    "final_answer": "string",
    "proved": "bool",
    "verification": "string",
    "provenance": "string",
    "other": "string",
}


class DatasetRow(RlRow):
    """A row as it was read. The first `n_tools` of `tool_schema` are the arena's tools, the rest its distractors."""

    id: str = Field(min_length=1)
    provenance: Annotated[Provenance, PACKED]  # type: ignore[reportGeneralTypeIssues]
    domain: str
    scenario: Scenario
    variant: Variant
    n_tools: int = Field(ge=1)
    gold_calls: Annotated[list[GoldCall], PACKED]
    follow_ups: Annotated[list[FollowUp], PACKED]
    final_answer: str
    verification: Annotated[VerificationReport | None, PACKED] = None
    other: Annotated[dict[str, JsonValue], PACKED]

    def arena(self) -> Arena:
        same = ("id", "schema_version", "provenance", "domain", "scenario", "variant", "gold_calls")
        content = {
            name: getattr(self, name) for name in (*same, "follow_ups", "final_answer", "verification")
        }
        tools = self.tools()
        content |= {"question": self.prompt[0].content, "tools": tools[: self.n_tools]}
        return Arena.model_validate(self.other | content | {"distractors": tools[self.n_tools :]})


def to_row(arena: Arena) -> dict[str, Any]:
    """The row of an arena. A variant's four columns alone would make another arena of it: keep such rows apart.

    Raises:
        NotARow: `duplicate_tool_name` or `unknown_gold_tool`.
    """
    dumped = arena.model_dump(mode="json")
    report = arena.verification
    return to_rl_row(arena.model_copy(update={"follow_ups": []})) | {
        "id": arena.id,
        "schema_version": arena.schema_version,
        "domain": arena.domain,
        "scenario": arena.scenario,
        "variant": arena.variant,
        "n_gold": len(arena.gold_calls),
        "n_tools": len(arena.tools),
        "gold_calls": _packed(dumped["gold_calls"]),
        "follow_ups": _packed(dumped["follow_ups"]),
        "final_answer": arena.final_answer,
        "proved": report.passed if report else None,
        "verification": _packed(dumped["verification"]) if report else None,
        "provenance": _packed(dumped["provenance"]),
        "other": _packed({name: dumped[name] for name in arena.model_extra or {}}),
    }


def _packed(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
