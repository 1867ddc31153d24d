"""Released RL rows are read, played, scored and written; what is wrong with one is named."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.arenas.episode import ArenaBackend
from data_synthesis.arenas.proof import prove
from data_synthesis.arenas.rl_rows import NotARow, from_rl_row, read_arenas, to_rl_row, write_rl_rows
from data_synthesis.records import Arena, BadRecord, FollowUp, write_records


@pytest.fixture
def row(build) -> dict:
    return to_rl_row(build.multi_hop())


def test_a_row_has_the_released_columns(row):
    assert list(row) == ["prompt", "tool_schema", "tool_dict", "sub_qa_dict"]
    assert row["prompt"] == [{"role": "user", "content": "What does the guide say?"}]
    assert [tool["type"] for tool in json.loads(row["tool_schema"])] == ["function"] * 3
    assert list(json.loads(row["tool_dict"])) == ["owner_of", "phone_of", "room_price"]
    assert json.loads(row["sub_qa_dict"]) == {"owner_of": ["Tam Ock", "Lio Parr"], "phone_of": ["555-0142"]}


def test_a_row_survives_the_round_trip(row):
    arena = from_rl_row(row)
    assert to_rl_row(arena) == row
    assert (
        to_rl_row(from_rl_row({**row, **{name: json.loads(row[name]) for name in row if name != "prompt"}}))
        == row
    )
    assert to_rl_row(from_rl_row({**row, "prompt": json.dumps(row["prompt"])})) == row


def test_every_sound_arena_can_be_written_and_read(good_arena):
    arena = from_rl_row(to_rl_row(good_arena))
    assert [tool.source for tool in arena.tools] == [tool.source for tool in good_arena.tools]
    assert [tool.spec for tool in arena.tools] == [tool.spec for tool in good_arena.tools]
    assert [gold.tool for gold in arena.gold_calls] == [gold.tool for gold in good_arena.gold_calls]
    assert from_rl_row(to_rl_row(arena)) == arena


def test_a_row_is_played_and_scored(good_arena, sandbox):
    backend = ArenaBackend(from_rl_row(to_rl_row(good_arena)), sandbox, seed=0)
    calls = [ParsedCall(str(gold.id), gold.tool, dict(gold.arguments)) for gold in good_arena.gold_calls]
    backend.execute(calls, 0)
    assert backend.score().f1 == 1
    backend.close()


def test_a_row_cannot_be_proved_and_says_so(row, sandbox):
    assert prove(from_rl_row(row), sandbox).reasons == ["arguments_unknown"]


def test_other_columns_are_kept(row):
    arena = from_rl_row({**row, "domain": "sport", "difficulty": 3, "id": "from-elsewhere"})
    assert (arena.domain, arena.model_extra) == ("sport", {"difficulty": 3})
    assert arena.id == arena.content_id()
    assert from_rl_row(row).domain == "unknown"


def test_unknown_fields_of_tools_survive(row):
    schema = json.loads(row["tool_schema"])
    schema[0] |= {"origin": "elsewhere"}
    schema[0]["function"] |= {"strict": True}
    row["tool_schema"] = json.dumps(schema)
    assert to_rl_row(from_rl_row(row)) == row


@pytest.mark.parametrize("which", [0, 2], ids=["gold", "distractor"])
def test_a_name_that_a_row_uses_twice_is_kept_twice(which, row, sandbox):
    schema = json.loads(row["tool_schema"])
    other = {**schema[which], "function": {**schema[which]["function"], "description": "Another."}}
    twice = {**row, "tool_schema": json.dumps([*schema, other])}
    arena = from_rl_row(twice)
    assert len(arena.tools) + len(arena.distractors) == 4
    assert set(prove(arena, sandbox).reasons) == {"arguments_unknown", "duplicate_tool_name"}
    written = to_rl_row(arena)
    assert from_rl_row(written) == arena
    assert written["tool_dict"] == row["tool_dict"]


def test_sources_that_share_a_name_and_gold_calls_of_nothing_have_no_row(build):
    twice, unknown = build.multi_hop(), build.multi_hop()
    twice.tools.append(twice.tools[0].model_copy(update={"source": "def owner_of(x):\n    return x\n"}))
    unknown.gold_calls[0].tool = "who_of"
    for arena, reason in ((twice, "duplicate_tool_name"), (unknown, "unknown_gold_tool")):
        with pytest.raises(NotARow) as raised:
            to_rl_row(arena)
        assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("prompt", None, "prompt"),
        ("prompt", [], "prompt"),
        ("prompt", [{"role": "user", "content": "a"}] * 2, "prompt"),
        ("prompt", [{"role": "system", "content": "a"}], "prompt.0.role"),
        ("prompt", [{"role": "user", "content": ""}], "prompt.0.content"),
        ("tool_schema", "[{", "tool_schema"),
        ("tool_schema", "{}", "tool_schema"),
        ("tool_schema", '[{"type": "function"}]', "tool_schema.0.function"),
        ("tool_schema", "[]", "sub_qa_dict"),
        ("tool_dict", "{}", "tool_dict"),
        ("tool_dict", '{"owner_of": 3}', "tool_dict.owner_of"),
        ("sub_qa_dict", "{}", "sub_qa_dict"),
        ("sub_qa_dict", '{"owner_of": []}', "sub_qa_dict.owner_of"),
        ("sub_qa_dict", '{"owner_of": "Tam"}', "sub_qa_dict.owner_of"),
        ("sub_qa_dict", '{"who_of": ["Tam"]}', "sub_qa_dict"),
    ],
)
def test_what_is_wrong_with_a_row_is_named(column, value, problem, row, tmp_path):
    bad = {**row, column: value}
    with pytest.raises(ValidationError) as raised:
        from_rl_row(bad)
    assert ".".join(map(str, raised.value.errors()[0]["loc"])) == problem
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n\n" + json.dumps(bad) + "\n")
    with pytest.raises(BadRecord, match=f"rows.jsonl:3: field `{problem}`"):
        list(read_arenas(path))


def test_a_missing_column_is_named(row, tmp_path):
    del row["tool_dict"]
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(BadRecord, match=r"rows\.jsonl:1: field `tool_dict`: Field required"):
        list(read_arenas(path))


def test_answers_that_are_not_text_come_back_as_what_they_were(build):
    tool = build.tool("def f(a):\n    return a\n", a={})
    answers = ["x", {"high": 20}, [1, "b"]]
    arena = build.arena([tool], [build.call(i, "f", answer, a=i) for i, answer in enumerate(answers, 1)])
    row = to_rl_row(arena)
    assert all(isinstance(answer, str) for answer in json.loads(row["sub_qa_dict"])["f"])
    assert [gold.expected for gold in from_rl_row(row).gold_calls] == answers


def test_a_variant_has_no_released_form(build):
    arena = build.multi_hop().model_copy(update={"follow_ups": [FollowUp(content="Osk.")]})
    with pytest.raises(ValueError, match="follow-ups"):
        to_rl_row(arena)


def test_files_of_both_kinds_are_read(build, tmp_path):
    arenas = [build.multi_hop(), build.prices()]
    assert write_rl_rows(tmp_path / "out" / "rows.jsonl", arenas) == 2
    assert write_records(tmp_path / "arenas.jsonl", arenas) == 2
    rows = list(read_arenas(tmp_path / "out" / "rows.jsonl"))
    assert [to_rl_row(arena) for arena in rows] == [to_rl_row(arena) for arena in arenas]
    assert list(read_arenas(tmp_path / "arenas.jsonl")) == arenas
    assert all(isinstance(arena, Arena) for arena in rows)
