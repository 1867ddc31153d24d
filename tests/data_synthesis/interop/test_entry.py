"""Records of upstream's steps enter the pipeline, and what cannot enter is counted and kept with its reason."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import upstream_cases as cases
from rich.console import Console

from data_synthesis.environments import synthesise_arenas
from data_synthesis.interop.entry import enter_pipeline
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Funnel, PipelineError
from data_synthesis.records import Arena, Decomposition, read_records


class Silent:
    """A teacher that must not be asked."""

    name = "silent"

    async def ask(self, prompt):
        raise AssertionError(prompt)

    async def close(self):
        """There is nothing to let go."""

    def forget(self, prompt):
        """There is nothing to forget."""

    def usage(self):
        return {}


def written(path: Path, *records: cases.Json) -> Path:
    path.write_text(cases.jsonl(*records))
    return path


@pytest.mark.parametrize(
    ("step", "record", "file", "kind"),
    [
        ("necessity", cases.step_1(), "decompose", Decomposition),
        ("verify", cases.step_2(), "necessity", Decomposition),
        ("cut", cases.step_3(), "verify", Decomposition),
        ("synthesise", cases.step_3(), "cut", Decomposition),
        ("merge", cases.step_4(), "synthesise", Arena),
        ("prove", cases.step_5(), "merge", Arena),
    ],
)
def test_a_record_enters_as_the_output_of_the_step_before(step, record, file, kind, tmp_path):
    path = written(tmp_path / "in.jsonl", record)
    assert enter_pipeline(path, tmp_path / "run", step) == 1
    assert len(list(read_records(tmp_path / "run" / "steps" / f"{file}.jsonl", kind))) == 1


def test_upstreams_records_end_as_proved_arenas_with_a_whole_funnel(sandbox, tmp_path):
    bad = cases.step_4()
    bad["env_result"]["1"] = None
    path, out = written(tmp_path / "in.jsonl", cases.step_4(), bad, cases.step_5()), tmp_path / "run"
    for _ in range(2):  # the second time nothing is left to do
        assert enter_pipeline(path, out, "prove") == 2
        synthesise_arenas([], Silent(), sandbox, out, from_step="prove")
        proved = list(read_records(out / "arenas.jsonl", Arena))
        assert [arena.id for arena in proved] == [
            arena_of(Instance.model_validate(each)).id for each in (cases.step_4(), cases.step_5())
        ]
        funnel = Funnel.model_validate_json((out / "funnel.json").read_text())
        assert [(s.stage, s.inputs, s.outputs, s.rejected) for s in funnel.stages] == [
            ("merge", 3, 2, {"missing_environment": 1}),
            ("prove", 2, 2, {}),
        ]
        (reject,) = map(json.loads, (out / "rejects.jsonl").read_text().splitlines())
        assert (reject["input_id"], reject["reason"]) == ("in.jsonl:2", "missing_environment")


def test_one_who_was_killed_before_counting_goes_on(tmp_path):
    path, out = written(tmp_path / "in.jsonl", cases.step_1()), tmp_path / "run"
    enter_pipeline(path, out, "necessity")
    counted = (out / "funnel.json").read_bytes()
    (out / "funnel.json").unlink()
    assert enter_pipeline(path, out, "necessity") == 1
    assert (out / "funnel.json").read_bytes() == counted


def of_no_dag(parent: int) -> cases.Json:
    subs = [{"id": 1, "question": "a?", "answer": 1, "depends_on": [parent]}]
    return {"question": "?", "answer": 1, "scenario": "single_hop", "sub_questions": subs}


def illegitimate() -> cases.Json:
    record = cases.step_3()
    record["decomposition_trace"][2]["tool_necessity"] = False
    return record | {"tool_necessity_legitimacy": False}


def toolless() -> cases.Json:
    return cases.instance([cases.node(1, "Say it again.", "again", tool_necessity=False)])


@pytest.mark.parametrize(
    ("step", "record", "reason"),
    [
        ("necessity", cases.step_4(), "not_a_decomposition"),
        ("necessity", of_no_dag(99), "bad_structure"),
        ("cut", of_no_dag(1), "bad_structure"),
        ("merge", cases.step_3(), "not_an_arena"),
        ("prove", cases.step_3(), "not_an_arena"),
        ("verify", cases.step_1(), "not_judged"),
        ("synthesise", cases.step_1(), "not_judged"),
        ("verify", illegitimate(), "non_leaf_without_tool"),
        ("cut", toolless(), "no_tool_needed"),
    ],
)
def test_what_cannot_enter_is_told(step, record, reason, tmp_path):
    console = Console(record=True, width=200, file=StringIO())
    path = written(tmp_path / "in.jsonl", record)
    with pytest.raises(PipelineError, match=f"can enter at {step}"):
        enter_pipeline(path, tmp_path / "run", step, console=console)
    assert reason in console.export_text()
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_is_left_alone(tmp_path):
    first, second = (
        written(tmp_path / f"{i}.jsonl", r) for i, r in enumerate((cases.step_1(), cases.step_5()))
    )
    enter_pipeline(first, tmp_path / "run", "necessity")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json*")}
    with pytest.raises(PipelineError, match="belongs to another run"):
        enter_pipeline(second, tmp_path / "run", "prove")
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json*")} == before


@pytest.mark.parametrize("step", ["decompose", "train", ""])
def test_only_later_steps_can_be_entered(step, tmp_path):
    with pytest.raises(PipelineError, match="the steps are necessity, verify"):
        enter_pipeline(written(tmp_path / "in.jsonl", cases.step_1()), tmp_path / "run", step)
