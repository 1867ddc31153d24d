"""Rows with nothing in common but their shape, for round trips, and small ones with names."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from data_synthesis.records import AgentRun, Judgement, Message, Provenance, RunEvent, Task, Trajectory

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(WORD, JSON, max_size=3)
EXTRA = st.dictionaries(st.sampled_from(["x_one", "x_two"]), JSON, max_size=2)
SCORES = st.dictionaries(st.sampled_from(["query_plan", "tool_call"]), st.floats(0, 1), max_size=2)


@st.composite
def conversations(draw: st.DrawFn, names: list[str]) -> list[dict[str, Any]]:
    """A system message, perhaps, a user, turns of calls with all results in any order, and an answer."""
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(TEXT)})
    messages.append({"role": "user", "content": draw(WORD)})
    for turn in range(1, draw(st.integers(1, 4))):
        called = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        calls = [
            {"id": f"call_{turn}_{place}", "name": name, "arguments": draw(OBJECT)}
            for place, name in enumerate(called, 1)
        ]
        thought = draw(st.none() | WORD)
        said = {"role": "assistant", "content": draw(TEXT), "reasoning_content": thought}
        messages.append(said | {"tool_calls": calls})
        for call in draw(st.permutations(calls)):
            messages.append({"role": "tool", "content": draw(TEXT), "tool_call_id": call["id"]})
    return [*messages, {"role": "assistant", "content": draw(WORD)}]


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    names = draw(st.lists(WORD, min_size=1, max_size=3, unique=True))
    tools = [{"name": name, "description": draw(TEXT), "parameters": draw(OBJECT)} for name in names]
    fields = {"messages": draw(conversations(names)), "tools": tools, "domain": draw(TEXT)}
    return Trajectory.model_validate(fields | {"scores": draw(SCORES)})


@st.composite
def runs(draw: st.DrawFn) -> AgentRun:
    """Judged runs with fields that no format but ours knows."""
    row = draw(trajectories()).model_dump(exclude={"id"})
    row["messages"][0] |= draw(EXTRA)
    row["tools"][0] |= draw(EXTRA)
    extra = {"task": {"query": draw(WORD), "language": "zh", **draw(EXTRA)}, **draw(EXTRA)}
    judgements = {"query_plan": {"score": 0.5, "by": "model", "reason": draw(TEXT)}}
    return AgentRun.model_validate(row | extra | {"judgements": judgements})


def run(query: str = "Book a room.", /, **fields: Any) -> AgentRun:
    """A judged run of two calls at once and an answer."""
    calls = [{"id": f"call_1_{n}", "name": "book", "arguments": {"room": n, "for": query}} for n in (1, 2)]
    content: dict[str, Any] = {
        "task": Task(
            query=query,
            server_id="hotel",
            chain_id="chain",
            target_tools=["book"],
            provenance=Provenance(teacher="writer-1"),
        ),
        "messages": [
            {"role": "user", "content": query},
            {"role": "assistant", "content": "I book.", "reasoning_content": "Two.", "tool_calls": calls},
            {"role": "tool", "content": "ok 1", "tool_call_id": "call_1_1"},
            {"role": "tool", "content": "ok 2", "tool_call_id": "call_1_2"},
            Message(role="assistant", content="Done."),
        ],
        "tools": [
            {
                "name": "book",
                "description": "Books.",
                "parameters": {"type": "object", "properties": {"room": {}}},
            }
        ],
        "domain": "Travel",
        "events": [
            RunEvent(turn=0, call_id="call_1_1", name="book", output="ok 1", status="ok"),
            RunEvent(
                turn=0, call_id="call_1_2", name="book", output="ok 2", status="timeout", injected="timeout"
            ),
        ],
        "judgements": {
            "tool_call": Judgement(score=0.5, by="rule"),
            "query_plan": Judgement(score=1.0, by="model"),
        },
        "scores": {"tool_call": 0.5, "query_plan": 1.0},
        "provenance": Provenance(teacher="agent-1"),
    }
    return AgentRun.model_validate(content | fields)
