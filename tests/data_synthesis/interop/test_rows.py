"""A data set's row keeps an arena whole; a released row keeps what it has columns for."""

from __future__ import annotations

import json
from collections.abc import Iterable

from arena_strategy import arenas
from hypothesis import HealthCheck, given, settings
from pydantic import JsonValue

from data_synthesis.arenas.rl_rows import from_rl_row, to_rl_row
from data_synthesis.interop.rows import COLUMNS, DatasetRow, to_row
from data_synthesis.records import Arena, ArenaTool

SOME = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(arenas())
def test_a_row_gives_back_its_arena(arena):
    row = to_row(arena)
    assert list(row) == list(COLUMNS)
    assert DatasetRow.model_validate(row).arena() == arena
    assert DatasetRow.model_validate(json.loads(json.dumps(row))).arena() == arena


@SOME
@given(arenas(follow_ups=False))
def test_a_released_row_keeps_what_it_can_carry(arena):
    back = from_rl_row(to_rl_row(arena))
    assert back.question == arena.question
    assert named([*back.tools, *back.distractors]) == named([*arena.tools, *arena.distractors])
    assert {tool.name for tool in back.tools} == {gold.tool for gold in arena.gold_calls}
    assert answers(back) == answers(arena)


@SOME
@given(arenas(follow_ups=False))
def test_the_four_columns_are_a_released_row(arena):
    row, released = to_row(arena), to_rl_row(arena)
    assert {name: row[name] for name in released} == released


def named(tools: Iterable[ArenaTool]) -> dict[str, ArenaTool]:
    return {tool.name: tool for tool in tools}


def answers(arena: Arena) -> dict[str, list[JsonValue]]:
    """By tool, in their order. In a row all answers are text, and text that spells a list or an object is one."""
    said: dict[str, list[JsonValue]] = {}
    for gold in arena.gold_calls:
        text = gold.expected if isinstance(gold.expected, str) else json.dumps(gold.expected)
        said.setdefault(gold.tool, []).append(opened(text))
    return said


def opened(text: str) -> JsonValue:
    try:
        return json.loads(text) if text.lstrip()[:1] in ("[", "{") else text
    except ValueError:
        return text
