"""A conversion writes what it can, says what it cannot, and touches nothing when there is nothing to write."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import upstream_cases as cases
from rich.console import Console

from data_synthesis.arenas import to_rl_row
from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.interop import convert_file, read_dataset
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Funnel, StageSummary
from data_synthesis.records import FollowUp, write_records
from data_synthesis.teacher.server.ledger import Ledger, Request

TRIP, FARES = (arena_of(Instance.model_validate(record)) for record in (cases.step_4(), cases.step_5()))
VARIANT = FARES.model_copy(
    update={
        "id": "v",
        "variant": "missing_function",
        "follow_ups": [FollowUp(content="Now.", reveals=["fare"])],
    }
)


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, file=StringIO())


@pytest.fixture
def step_4(tmp_path) -> Path:
    """A sound record, and one with a null environment."""
    bad = cases.step_4()
    bad["env_result"]["2"] = None
    path = tmp_path / "step_4.jsonl"
    path.write_text(cases.jsonl(cases.step_4(), bad))
    return path


def test_upstreams_records_become_arenas(step_4, tmp_path, console):
    out = tmp_path / "out" / "arenas.jsonl"
    assert convert_file(step_4, out, to="arenas", console=console) == 1
    assert list(read_arenas(out)) == [TRIP]
    assert "1 of 2 records written" in console.export_text(clear=False)
    assert "missing_environment" in console.export_text()
    (refused,) = map(json.loads, (tmp_path / "out" / "arenas.jsonl.rejects.jsonl").read_text().splitlines())
    assert (refused["line"], refused["reason"]) == (2, "missing_environment")
    (tmp_path / "good.jsonl").write_text(cases.jsonl(cases.step_4()))
    assert convert_file(tmp_path / "good.jsonl", out, to="arenas", console=console) == 0
    assert not (tmp_path / "out" / "arenas.jsonl.rejects.jsonl").exists()


def test_rows_leave_variants_out_and_say_so(tmp_path, console):
    write_records(tmp_path / "arenas.jsonl", [TRIP, VARIANT, FARES])
    assert (
        convert_file(tmp_path / "arenas.jsonl", tmp_path / "rows.jsonl", to="rl_rows", console=console) == 1
    )
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == [
        to_rl_row(TRIP),
        to_rl_row(FARES),
    ]
    assert "variant: arena v is a `missing_function` variant" in console.export_text()


def test_a_data_set_has_the_funnel_and_the_costs_of_its_run(tmp_path, console):
    write_records(tmp_path / "run" / "arenas.jsonl", [TRIP, VARIANT])
    write_records(tmp_path / "held_out.jsonl", [FARES])
    funnel = Funnel(stages=[StageSummary(stage="decompose", inputs=9, outputs=4)])
    (tmp_path / "run" / "funnel.json").write_text(funnel.model_dump_json())
    ledger = Ledger(tmp_path / "run" / "teacher.sqlite")
    ledger.add(Request("decompose/1", "held", 1234, 56, 1.0, 0.5), "key", "{}")
    ledger.close()
    options = {"held_out": tmp_path / "held_out.jsonl", "name": "Ferries", "licences": {"maps": "MIT"}}
    status = convert_file(
        tmp_path / "run" / "arenas.jsonl", tmp_path / "set", to="dataset", **options, console=console
    )
    assert status == 0
    card = (tmp_path / "set" / "README.md").read_text()
    for text in (
        "# Ferries",
        "| decompose | 9 | 4 |",
        "| decompose/1 | 1 | 0 | 1,234 | 56 |",
        "| maps | given |  | MIT |",
    ):
        assert text in card
    assert list(read_dataset(tmp_path / "set")) == [TRIP, VARIANT, FARES]
    assert convert_file(tmp_path / "set", tmp_path / "back.jsonl", to="arenas", console=console) == 0
    assert {arena.id for arena in read_arenas(tmp_path / "back.jsonl")} == {TRIP.id, VARIANT.id, FARES.id}


@pytest.mark.parametrize("to", ["arenas", "rl_rows", "dataset"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("", "there is no arena|holds nothing"),
        ('{"question": "What?"}\n', "by which it is none of"),
        ("{]\n", "there is no arena|holds nothing"),
        (cases.jsonl(cases.step_3()), "there is no arena|holds nothing"),
    ],
    ids=["missing", "empty", "unknown", "torn", "step 3"],
)
def test_nothing_to_write_leaves_the_output_as_it_was(content, said, to, tmp_path, console):
    path, out = tmp_path / "in.jsonl", tmp_path / "out"
    if content is not None:
        path.write_text(content)
    if to == "dataset":
        assert convert_file(_file(tmp_path, TRIP), out, to=to, console=console) == 0
    else:
        out.write_text("older")
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert convert_file(path, out, to=to, console=console) == 2
    text = console.export_text()
    assert any(words in text for words in said.split("|"))
    after = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert {each: after[each] for each in before} == before
    assert not list(tmp_path.glob("*.partial"))


def test_an_unknown_target_is_refused(step_4, tmp_path, console):
    assert convert_file(step_4, tmp_path / "x", to="rows", console=console) == 2  # type: ignore[arg-type]
    assert "the targets are arenas, rl_rows, dataset" in console.export_text()


def test_only_a_data_set_takes_its_options(step_4, tmp_path, console):
    assert convert_file(step_4, tmp_path / "x", to="arenas", name="Ferries", console=console) == 2
    assert "only a data set has a name" in console.export_text()


@pytest.mark.parametrize(
    ("name", "said"), [("funnel.json", "is no funnel"), ("teacher.sqlite", "cannot keep replies")]
)
def test_damaged_neighbours_are_named(name, said, tmp_path, console):
    path = _file(tmp_path, TRIP)
    (tmp_path / name).write_text("{" * 200)
    assert convert_file(path, tmp_path / "set", to="dataset", console=console) == 2
    assert said in console.export_text()


def _file(folder: Path, *arenas) -> Path:
    write_records(folder / "arenas.jsonl", arenas)
    return folder / "arenas.jsonl"
