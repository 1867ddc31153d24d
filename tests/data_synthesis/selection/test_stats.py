from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from small_arenas import arena_of, tool_of

from data_synthesis.arenas import write_rl_rows
from data_synthesis.selection import stats_file

Write = Callable[..., Path]


def row(printed: object, name: str) -> list[str]:
    """The cells of the table row that begins with `name`."""
    [line] = [line for line in str(printed).splitlines() if line.startswith(f"│ {name} ")]
    return [cell.strip() for cell in line.strip("│").split("│")][1:]


def test_the_tables_count_what_is_there(arenas_file: Write, printed):
    path = arenas_file(
        arena_of("Which ferry leaves first?", "single_hop", domain="sea", expected="2024-05-12"),
        arena_of("Which ferry leaves last?", "parallel_multi_hop", domain="sea"),
        arena_of("哪一班渡轮最先出发？", "parallel_multi_hop", domain="hills", proved=None),
        arena_of("Which one?", {1: [], 2: [1]}, domain="sea", distractors=[tool_of("other")]),
    )
    assert stats_file(path, console=printed.console) == 0
    assert row(printed, "single_hop") == ["1", "25.0%", "6.8%"]
    assert row(printed, "multi_hop") == ["1", "25.0%", "34.8%"]
    assert row(printed, "parallel_multi_hop") == ["2", "50.0%", "47.8%"]
    assert row(printed, "parallel_single_hop") == ["0", "0.0%", "10.6%"]
    assert row(printed, "gold calls") == ["1", "2.5", "2.25", "3", "3.98"]
    assert row(printed, "depth (layers)")[:4] == ["1", "2", "1.75", "2"]
    assert row(printed, "width (largest layer)")[:4] == ["1", "1.5", "1.50", "2"]
    assert row(printed, "distractors")[:4] == ["0", "0", "0.25", "1"]
    assert row(printed, "number") == ["8", "88.9%"]
    assert row(printed, "date") == ["1", "11.1%"]
    assert row(printed, "Han") == ["1", "25.0%", "28.8%"]
    assert row(printed, "sea") == ["3", "75.0%"]
    assert "3 of 4 arenas are proved; 44.4% of their gold calls share a layer (paper: 44.2% of steps)" in str(
        printed
    )
    assert "1 say another scenario than their shape is" in str(printed)


def test_released_rows_are_counted_as_unknown(tmp_path, printed):
    path = tmp_path / "rows.jsonl"
    write_rl_rows(path, [arena_of("Which?", "multi_hop")])
    assert stats_file(path, console=printed.console) == 0
    assert row(printed, "unknown shape") == ["1", "100.0%", ""]
    assert "1 do not say which gold call depends on which" in str(printed)
    assert "depth" not in str(printed)


def test_every_arena_is_measured_on_a_line(arenas_file: Write, tmp_path, printed):
    arena, out = arena_of("Which?", "parallel_multi_hop"), tmp_path / "folder" / "measures.jsonl"
    assert stats_file(arenas_file(arena), measures_out=out, console=printed.console) == 0
    [line] = [json.loads(line) for line in out.read_text().splitlines()]
    size = line.pop("schema_size")
    assert size > 20
    assert line == {
        "id": arena.id,
        "domain": "general",
        "script": "Latin",
        "variant": "base",
        "scenario": "parallel_multi_hop",
        "proved": True,
        "gold_calls": 3,
        "tools": 1,
        "distractors": 0,
        "answer_types": ["number"] * 3,
        "schema_unit": "words and marks",
        "parallel_share": 2 / 3,
        "depth": 2,
        "width": 2,
        "parallel_calls": 2,
    }


def test_many_domains_are_cut_and_still_counted(arenas_file: Write, printed):
    path = arenas_file(*(arena_of(f"Which {n}?", domain=f"domain {n:02}") for n in range(25)))
    assert stats_file(path, console=printed.console) == 0
    assert row(printed, "and 5 more")[0] == "5"


def test_what_cannot_be_measured_is_named(tmp_path, arenas_file: Write, printed):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert stats_file(empty, console=printed.console) == 2
    assert stats_file(tmp_path / "none.jsonl", console=printed.console) == 2
    circle = arena_of("Which?", {1: [2], 2: [1]})
    assert stats_file(arenas_file(circle), console=printed.console) == 2
    text = str(printed)
    assert "it holds no arena" in text
    assert "No such file" in text
    assert f"arena {circle.id}: nodes [1, 2] depend on each other in a circle" in text
