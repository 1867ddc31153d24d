"""A file says by its first record what it is; a bad record costs itself alone, and is told with its place."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import upstream_cases as cases
from rich.console import Console

from data_synthesis.arenas import to_rl_row, verify_file
from data_synthesis.interop import read_any, read_arenas
from data_synthesis.interop.decompositions import decomposition_of
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.records import Arena, BadRecord, Decomposition

ARENA = arena_of(Instance.model_validate(cases.step_5()))
WHOLE = decomposition_of(Instance.model_validate(cases.step_3()))


def written(tmp_path: Path, text: str | bytes, name: str = "file.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ARENA.model_dump(mode="json"), ARENA),
        (cases.step_5(), ARENA),
        (cases.step_4(), arena_of(Instance.model_validate(cases.step_4()))),
        (cases.step_3(), WHOLE),
        (WHOLE.model_dump(mode="json"), WHOLE),
        (cases.step_1(), decomposition_of(Instance.model_validate(cases.step_1()))),
    ],
    ids=["arena", "step 5", "step 4", "step 3", "decomposition", "step 1"],
)
@pytest.mark.parametrize("indent", [None, 4])
def test_each_format_is_recognised_on_lines_and_indented(record, expected, indent, tmp_path):
    text = json.dumps(record, indent=indent)
    for content, count in ((text, 1), (f"\n{text}\n\n{text}\n", 2), (text + "\r\n" + text, 2)):
        assert list(read_any(written(tmp_path, content))) == [expected] * count
    assert list(read_any(written(tmp_path, json.dumps([record, record], indent=1)))) == [expected] * 2


def test_released_rows_are_recognised(tmp_path):
    (row,) = read_any(written(tmp_path, cases.jsonl(to_rl_row(ARENA))))
    assert isinstance(row, Arena)
    assert to_rl_row(row) == to_rl_row(ARENA)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            {"question": "What?", "domain": "x"},
            "has the fields question, domain, by which it is none of: an arena",
        ),
        ({}, "has the fields none"),
        (
            {"params": {}, "prompt": "", "response": "[]"},
            "the file to read is the one whose name ends in `_processed`",
        ),
    ],
)
def test_an_unknown_format_is_one_sentence(record, said, tmp_path):
    path = written(tmp_path, cases.jsonl(record))
    with pytest.raises(BadRecord) as raised:
        list(read_any(path, rejects=[]))
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{path}:1: ")


def test_an_empty_file_has_no_records(tmp_path):
    assert list(read_any(written(tmp_path, "\n \n"))) == []
    with pytest.raises(FileNotFoundError):
        list(read_any(tmp_path / "nothing.jsonl"))


GOOD = json.dumps(cases.step_4())


@pytest.mark.parametrize(
    ("bad", "field", "said"),
    [
        (b"{]", "", "is not JSON ("),
        (b"7", "", "is no JSON object"),
        (b'"\xff"', "", "is not UTF-8"),
        (GOOD[: len(GOOD) // 2].encode(), "", "is not JSON ("),
        (GOOD.replace("Tern", "\\ud800").encode(), "", "half of a surrogate pair"),
        (GOOD.replace('"166"', "1" * 5000).encode(), "", "holds a number that cannot be read"),
        (b"[" * 100_000, "", "is nested too deeply"),
        (
            json.dumps(cases.step_4() | {"main_question": 3}).encode(),
            "main_question",
            "(not upstream's step 4)",
        ),
    ],
    ids=["no json", "no object", "no utf-8", "torn", "surrogate", "digits", "deep", "field"],
)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_bad_line_is_named_and_the_others_are_read(bad, field, said, place, tmp_path):
    lines = [GOOD.encode(), GOOD.encode()]
    lines.insert(place - 1, bad)
    path = written(tmp_path, b"\n".join(lines))
    rejects: list[BadRecord] = []
    assert len(list(read_any(path, rejects=rejects))) == 2
    assert [(each.line, each.field, each.reason) for each in rejects] == [(place, field, "unreadable_record")]
    assert said in rejects[0].problem
    with pytest.raises(BadRecord, match=f"file.jsonl:{place}: "):
        list(read_any(path))


def test_a_refused_record_says_why(tmp_path):
    bad = cases.step_4()
    bad["env_result"]["2"] = None
    rejects: list[BadRecord] = []
    path = written(tmp_path, cases.jsonl(cases.step_4(), bad))
    assert len(list(read_any(path, rejects=rejects))) == 1
    assert [(each.line, each.reason, each.problem) for each in rejects] == [
        (2, "missing_environment", "sub-question 2 needs a tool and has none")
    ]


def test_a_torn_document_is_named_by_its_first_line(tmp_path):
    text = json.dumps(cases.step_5(), indent=2)
    path = written(tmp_path, text + "\n" + text[:-20])
    rejects: list[BadRecord] = []
    assert len(list(read_any(path, rejects=rejects))) == 1
    assert rejects[0].line == text.count("\n") + 2
    assert "is not JSON" in rejects[0].problem


def test_nan_is_unknown(tmp_path):
    text = json.dumps(cases.step_3(dependency=float("nan")))
    assert "NaN" in text
    (whole,) = read_any(written(tmp_path, text))
    assert isinstance(whole, Decomposition)
    assert whole.scores.dependency is None


def test_a_later_release_is_named(tmp_path):
    later = ARENA.model_dump(mode="json") | {"schema_version": 99, "tools": [{"what": 1}]}
    with pytest.raises(BadRecord, match="of schema 99: a newer release wrote it"):
        list(read_any(written(tmp_path, cases.jsonl(later))))


def test_decompositions_are_no_arenas(tmp_path):
    rejects: list[BadRecord] = []
    assert list(read_arenas(written(tmp_path, cases.jsonl(cases.step_3())), rejects=rejects)) == []
    assert [each.reason for each in rejects] == ["not_an_arena"]


def test_upstreams_files_are_proved_with_the_reasons_of_those_that_fail(sandbox, tmp_path):
    null, constant = cases.step_4(), cases.step_4()
    null["env_result"]["3"] = None
    code = "def arrival_pier(ferry):\n    return 'Sund Pier'\n"
    constant["env_result"]["3"]["env_synthesis_result"]["data"]["code"] = code
    path = written(tmp_path, cases.jsonl(cases.step_4(), null, constant))
    console, report = Console(record=True, width=200, file=StringIO()), tmp_path / "report.json"
    assert verify_file(path, sandbox, reader=read_arenas, json_out=report, console=console) == 1
    said = json.loads(report.read_text())
    assert (said["arenas"], said["passed"], said["failed"]) == (3, 1, 2)
    assert said["reasons"]["missing_environment"] == 1
    assert "constant_output" in said["reasons"] or "answer_in_code_default" in said["reasons"]
    assert "1 of 3 arenas proved" in console.export_text()
