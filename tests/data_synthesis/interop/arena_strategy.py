"""Arenas with nothing in common but their shape, for round trips."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from data_synthesis.records import Arena, Provenance

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.text(min_size=1, max_size=12)
UNKNOWN = st.dictionaries(st.sampled_from(["license", "x_one", "x_two"]), JSON, max_size=2)


@st.composite
def arenas(draw: st.DrawFn, follow_ups: bool = True) -> Arena:
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    tools = [draw(_tools(name)) for name in names]
    count = draw(st.integers(1, len(tools)))
    gold_calls = draw(st.lists(_gold_calls(names[:count]), min_size=1, max_size=4))
    said = [{"content": draw(WORDS), "reveals": names[:1]}] if follow_ups and draw(st.booleans()) else []
    checks = [{"name": "replay", "passed": False, "reason": "gold_call_fails", "detail": draw(WORDS)}]
    reports = st.none() | st.just({"passed": True}) | st.just({"passed": False, "checks": checks})
    return Arena.model_validate(
        draw(UNKNOWN)
        | {
            "question": draw(WORDS),
            "domain": draw(st.text(max_size=8)),
            "scenario": draw(st.sampled_from(["single_hop", "multi_hop"])),
            "variant": "missing_function" if said else "base",
            "tools": tools[:count],
            "distractors": tools[count:],
            "gold_calls": gold_calls,
            "follow_ups": said,
            "final_answer": draw(st.text(max_size=8)),
            "verification": draw(reports),
            "provenance": Provenance.model_validate(
                draw(UNKNOWN) | {"parents": draw(st.lists(WORDS, max_size=2))}
            ),
        }
    )


@st.composite
def _tools(draw: st.DrawFn, name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": draw(st.dictionaries(WORDS, UNKNOWN, max_size=2))}
    spec = draw(UNKNOWN) | {"name": name, "description": draw(st.text(max_size=8)), "parameters": parameters}
    return draw(UNKNOWN) | {"spec": spec, "source": draw(st.text(max_size=20))}


@st.composite
def _gold_calls(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    return draw(UNKNOWN) | {
        "id": draw(st.integers(1, 9)),
        "tool": draw(st.sampled_from(names)),
        "arguments": draw(st.dictionaries(WORDS, JSON, max_size=2)),
        "expected": draw(JSON),
        "question": draw(st.text(max_size=8)),
        "depends_on": draw(st.lists(st.integers(1, 9), max_size=2)),
    }
