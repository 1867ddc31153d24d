"""The exit status, the table and the JSON say whether every arena of a file is proved, and why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from data_synthesis.arenas.proof import CHECKS
from data_synthesis.arenas.rl_rows import write_rl_rows
from data_synthesis.arenas.verify import verify_file
from data_synthesis.records import Arena, BadRecord, read_records, write_records
from data_synthesis.sandbox import SandboxUnavailable


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, quiet=False, file=open("/dev/null", "w"))


def arenas_in(path: Path, arenas: list[Arena]) -> Path:
    write_records(path, arenas)
    return path


def test_a_sound_file_is_proved(build, sandbox, console, tmp_path):
    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices(), build.multi_hop()])
    assert verify_file(path, sandbox, console=console, json_out=tmp_path / "out" / "report.json") == 0
    assert "2 of 2 arenas proved" in console.export_text()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["arenas"], report["passed"], report["failed"]) == (2, 2, 0)
    assert (report["reasons"], report["failures"]) == ({}, [])


def test_each_failure_is_counted_by_reason_and_shown(build, sandbox, console, tmp_path):
    wrong = build.prices()
    wrong.gold_calls[0].expected = 1
    told = build.prices(question="Is it 412 or 951?")
    both = build.prices(question="Is it 1?")
    both.gold_calls[0].expected = 1
    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices(), told, wrong, both] + [told] * 5)
    assert verify_file(path, sandbox, console=console, json_out=tmp_path / "report.json") == 1
    text = console.export_text()
    assert "1 of 9 arenas proved" in text
    assert f"2. {told.id} Is it 412 or 951?" in text
    assert "answer_in_question: the user's words contain 412" in text
    assert "and 3 more" in text
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["reasons"] == {"answer_in_question": 7, "gold_answer_missing": 2}
    assert "arenas, check by check" in text
    counts = {count.pop("check"): count for count in report["funnel"]}
    assert list(counts) == ["read", *CHECKS]
    assert counts["read"] == {"inputs": 9, "outputs": 9, "rejected": {}}
    assert counts["question"] == {"inputs": 9, "outputs": 2, "rejected": {"answer_in_question": 7}}
    assert counts["replay"] == {"inputs": 2, "outputs": 1, "rejected": {"gold_answer_missing": 1}}
    assert counts["budget"]["outputs"] == report["passed"] == 1
    assert [failure["position"] for failure in report["failures"]] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [check["reason"] for check in report["failures"][2]["checks"]] == [
        "answer_in_question",
        "gold_answer_missing",
    ]


def test_what_is_proved_has_the_id_of_its_content(build, sandbox, console, tmp_path):
    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices().model_copy(update={"id": "by hand"})])
    assert verify_file(path, sandbox, console=console, proved_out=tmp_path / "proved.jsonl") == 0
    (proved,) = read_records(tmp_path / "proved.jsonl", Arena)
    assert proved.id == proved.content_id() == build.prices().id
    assert proved.verification is not None


def test_released_rows_are_recognised(build, sandbox, console, tmp_path):
    write_rl_rows(tmp_path / "rows.jsonl", [build.prices()])
    assert verify_file(tmp_path / "rows.jsonl", sandbox, console=console) == 1
    assert "arguments_unknown" in console.export_text()


def test_a_record_that_is_no_arena_fails_and_the_others_are_proved(build, sandbox, console, tmp_path):
    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices(), build.multi_hop()])
    lines = path.read_bytes().splitlines()
    path.write_bytes(lines[0] + b"\n{}\n" + lines[1] + b"\n" + lines[1][:200])
    assert verify_file(path, sandbox, console=console, json_out=tmp_path / "report.json") == 1
    assert "2 of 4 arenas proved" in console.export_text()
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["arenas"], report["passed"], report["failed"]) == (4, 2, 2)
    assert report["reasons"] == {"unreadable_record": 2}
    assert report["funnel"][0] == {
        "check": "read",
        "inputs": 4,
        "outputs": 2,
        "rejected": {"unreadable_record": 2},
    }
    assert [(each["line"], each["field"]) for each in report["no_arenas"]] == [(2, "question"), (4, "")]


def test_why_a_record_is_no_arena_is_told(sandbox, console, tmp_path):
    def reader(path, *, rejects):
        rejects.append(BadRecord(Path(path), 3, "", "sub-question 2 needs a tool", "missing_environment"))
        return []

    assert verify_file("step_4.jsonl", sandbox, reader=reader, console=console) == 1
    text = console.export_text()
    assert "step_4.jsonl:3: missing_environment: sub-question 2 needs a tool" in text
    assert "0 of 1 arenas proved" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "it holds no arena"),
        (b"\n{]\n", "arenas.jsonl:2: is not JSON"),
        (b"\xff\xfe\n", "arenas.jsonl:1: is not"),
        (b'{"question": "a", "tools": [], "gold_calls": []}\n', "field `tools`"),
        (b'{"sub_qa_dict": "{}"}\n', "field `prompt`"),
    ],
)
def test_a_file_that_cannot_be_read_is_neither_passed_nor_failed(content, said, sandbox, console, tmp_path):
    path = tmp_path / "arenas.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert verify_file(path, sandbox, console=console, json_out=tmp_path / "report.json") == 2
    lines = console.export_text().strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "report.json").exists()


def test_a_failing_sandbox_neither_passes_nor_fails(build, console, tmp_path):
    class Broken:
        def open(self, sources):
            raise SandboxUnavailable("no kernel")

    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices()])
    assert verify_file(path, Broken(), console=console) == 2  # type: ignore[arg-type]
    assert "no kernel" in console.export_text()


def test_where_nothing_can_be_written_nothing_is_proved(build, console, tmp_path):
    path = arenas_in(tmp_path / "arenas.jsonl", [build.prices()])
    for outs in ({"json_out": tmp_path}, {"proved_out": path / "below.jsonl"}):
        assert verify_file(path, None, console=console, **outs) == 2  # type: ignore[arg-type]
    said = console.export_text().splitlines()
    assert len(said) == 2
    assert str(tmp_path) in said[0]
