"""Every format is read and written, nothing broken passes, and what is refused is told with its reason."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console
from row_strategy import run

from data_synthesis.records import Trajectory, read_records, write_records
from data_synthesis.trajectories.rows import TARGETS, convert_rows, read_rows

ROWS = [run(), run("Which rooms are free?")]
CONSOLE = Console(file=StringIO(), width=200)


def convert(*arguments, **options) -> int:
    return convert_rows(*arguments, console=CONSOLE, **options)


@pytest.fixture
def rows(tmp_path):
    write_records(tmp_path / "rows.jsonl", ROWS)
    return tmp_path / "rows.jsonl"


@pytest.mark.parametrize("source", TARGETS)
@pytest.mark.parametrize("target", TARGETS)
def test_conversation_survives_from_any_format_to_any(tmp_path, rows, source, target):
    assert convert(rows, source, tmp_path / "a") == 0
    assert convert(tmp_path / "a", target, tmp_path / "b") == 0
    read = list(read_rows(tmp_path / "b"))
    assert [row.messages for row in read] == [row.messages for row in ROWS]
    assert [row.tools for row in read] == [row.tools for row in ROWS]


@pytest.mark.parametrize("target", ["dataset", "trajectories"])
def test_our_own_formats_keep_the_whole_record(tmp_path, rows, target):
    assert convert(rows, target, tmp_path / "out") == 0
    assert list(read_rows(tmp_path / "out")) == ROWS


def test_rows_written_as_trajectories_are_what_training_reads(tmp_path, rows):
    convert(rows, "trajectories", tmp_path / "out.jsonl")
    assert [row.messages for row in read_records(tmp_path / "out.jsonl", Trajectory)] == [
        r.messages for r in ROWS
    ]


@pytest.mark.parametrize("bad", [run(status="broken"), run(scores={}, judgements={})])
@pytest.mark.parametrize(
    "first",
    [{"messages": []}, Trajectory(messages=[], tools=[]).model_dump(mode="json")],
    ids=["chat", "plain"],
)
def test_a_run_does_not_pass_as_less_than_it_is_behind_a_row_of_less(tmp_path, first, bad):
    lines = [json.dumps(first), bad.model_dump_json(), ROWS[0].model_dump_json()]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    assert convert(tmp_path / "rows.jsonl", "chat", tmp_path / "out") == 2
    refused = [json.loads(line) for line in (tmp_path / "out.rejects.jsonl").read_text().splitlines()]
    assert [each["reason"] for each in refused] == ["no_messages", "other_kind", "other_kind"]
    assert "is an agent's run, in a file that begins with a" in refused[1]["detail"]


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_broken_and_no_null_score_passes_into_any_format(tmp_path, target):
    bad = [run(status="broken"), run(scores={"a": None}), run(scores={}, judgements={})]
    write_records(tmp_path / "rows.jsonl", [*ROWS, *bad])
    assert convert(tmp_path / "rows.jsonl", target, tmp_path / "out") == 1
    assert len(list(read_rows(tmp_path / "out"))) == 2
    refused = [json.loads(line) for line in (tmp_path / "out.rejects.jsonl").read_text().splitlines()]
    assert [(each["line"], each["reason"]) for each in refused] == [
        (3, "broken"),
        (4, "null_score"),
        (5, "not_judged"),
    ]
    assert convert(tmp_path / "rows.jsonl", target, tmp_path / "out", unjudged=True) == 1
    assert len(list(read_rows(tmp_path / "out"))) == 4


def test_a_chat_file_of_somebody_else_is_read_and_its_bad_lines_are_told(tmp_path):
    good = {"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]}
    bad = {"messages": [{"role": "tool", "content": "x"}]}
    lines = [json.dumps(good), json.dumps(bad), "{", '"text"']
    (tmp_path / "chat.jsonl").write_text("\n".join(lines))
    assert convert(tmp_path / "chat.jsonl", "upstream", tmp_path / "out.jsonl") == 1
    assert len(list(read_rows(tmp_path / "out.jsonl"))) == 1
    refused = [
        json.loads(line)["reason"] for line in (tmp_path / "out.jsonl.rejects.jsonl").read_text().splitlines()
    ]
    assert refused == ["result_without_call", "unreadable_record", "unreadable_record"]


def test_titles_come_from_the_servers_file(tmp_path, rows):
    server = {"id": "hotel", "title": "Grand Hotel", "tools": []}
    (tmp_path / "servers.jsonl").write_text(json.dumps(server) + "\n")
    convert(rows, "upstream", tmp_path / "out.jsonl", servers=tmp_path / "servers.jsonl")
    assert "Grand Hotel" in (tmp_path / "out.jsonl").read_text()
    convert(rows, "dataset", tmp_path / "set", servers=tmp_path / "servers.jsonl")
    assert "| Grand Hotel | tools, emulated | 2 | unknown |" in (tmp_path / "set" / "README.md").read_text()


def test_the_funnel_of_a_selection_comes_before_that_of_the_run(tmp_path, rows):
    (tmp_path / "funnel.json").write_text('{"stages": [{"stage": "of_the_run"}]}')
    convert(rows, "dataset", tmp_path / "set")
    assert "of_the_run" in (tmp_path / "set" / "README.md").read_text()
    (tmp_path / "rows.funnel.json").write_text('{"stages": [{"stage": "of_the_selection"}]}')
    convert(rows, "dataset", tmp_path / "set")
    assert "of_the_selection" in (tmp_path / "set" / "README.md").read_text()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("", {"target": "chat"}),
        ('{"fields": "of nobody"}\n', {"target": "chat"}),
        ('{"messages": 3}\n', {"target": "chat"}),
        (None, {"target": "chat"}),
        ('{"messages": []}\n', {"target": "chat", "name": "only data sets have one"}),
        ('{"messages": []}\n', {"target": "parquet"}),
    ],
)
def test_where_nothing_can_be_written_nothing_is(tmp_path, content, options):
    if content is not None:
        (tmp_path / "rows.jsonl").write_text(content)
    assert convert(tmp_path / "rows.jsonl", out=tmp_path / "out", **options) == 2
    assert not (tmp_path / "out").exists()


def test_a_chat_file_loads_with_hugging_face_datasets_without_foreign_fields(tmp_path, monkeypatch):
    """Calls of different tools in one file must not get each other's arguments, as nulls."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    call = {"id": "a", "name": "list_rooms", "arguments": {"floor": {"from": 1}}}
    said = [
        {"role": "user", "content": "Rooms?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "none", "tool_call_id": "a"},
        {"role": "assistant", "content": "There are none."},
    ]
    written = [*ROWS, run("Rooms?", messages=said)]
    write_records(tmp_path / "rows.jsonl", written)
    convert(tmp_path / "rows.jsonl", "chat", tmp_path / "chat.jsonl")
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "chat.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert [row["messages"] for row in loaded] == [[m.openai() for m in row.messages] for row in written]


def test_a_data_set_tells_what_each_server_was_asked(tmp_path, rows):
    pytest.importorskip("openai", reason="the official client is not installed (extra `synthesis`)")
    from data_synthesis.teacher.server.ledger import Ledger, Request

    for name, prompt in (("large", "judge_answer"), ("small", "agent_turn")):
        ledger = Ledger(tmp_path / f"server_{name}.sqlite")
        ledger.add(Request(prompt, "held", 1234, 56, 1.0, 0.5), "key", "{}")
        ledger.close()
    assert convert(rows, "dataset", tmp_path / "set") == 0
    card = (tmp_path / "set" / "README.md").read_text()
    assert "| large: judge_answer | 1 | 0 | 1,234 | 56 |" in card
    assert "| small: agent_turn | 1 | 0 | 1,234 | 56 |" in card
