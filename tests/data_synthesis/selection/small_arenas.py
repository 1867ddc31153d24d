"""Arenas of which only the outline matters: nobody runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from data_synthesis.records import Arena, ArenaTool, GoldCall, ToolSpec, VerificationReport

SHAPES: dict[str, dict[int, list[int]]] = {
    "single_hop": {1: []},
    "parallel_single_hop": {1: [], 2: []},
    "multi_hop": {1: [], 2: [1]},
    "parallel_multi_hop": {1: [], 2: [], 3: [1, 2]},
}


def tool_of(name: str, *parameters: str) -> ArenaTool:
    properties: dict[str, JsonValue] = {each: {"type": "string"} for each in parameters}
    document: dict[str, JsonValue] = {
        "type": "object",
        "properties": properties,
        "required": list(parameters),
    }
    return ArenaTool(
        spec=ToolSpec(name=name, description="Looks it up.", parameters=document),
        source=f"def {name}(): ...",
    )


def arena_of(
    question: str,
    parents: Mapping[int, Sequence[int]] | str = "single_hop",
    *,
    proved: bool | None = True,
    expected: JsonValue = 12,
    tools: Sequence[ArenaTool] = (),
    distractors: Sequence[ArenaTool] = (),
    **fields: object,
) -> Arena:
    """An arena whose gold calls depend on each other as `parents` says: id -> ids, or the name of a scenario."""
    shape = SHAPES[parents] if isinstance(parents, str) else parents
    tools = tools or [tool_of("look_up", "key", "place")]
    gold_calls = [
        GoldCall(
            id=number,
            tool=tools[0].name,
            arguments={"key": str(number)},
            expected=expected,
            depends_on=list(on),
        )
        for number, on in shape.items()
    ]
    report = None if proved is None else VerificationReport(passed=proved)
    record = {
        "question": question,
        "scenario": parents if isinstance(parents, str) else "single_hop",
        "tools": list(tools),
        "gold_calls": gold_calls,
        "distractors": list(distractors),
        "verification": report,
    }
    return Arena.model_validate(record | fields)
