"""Of near repeats the first stays, benchmarks are kept away from, and everything that goes has a reason."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from row_strategy import run, runs

from data_synthesis.pipeline import Funnel
from data_synthesis.records import AgentRun, ToolSpec, write_records
from data_synthesis.selection.benchmark_formats import Function
from data_synthesis.selection.benchmarks import Benchmark
from data_synthesis.trajectories.rows import SelectSettings, read_rows, select_rows, select_rows_file
from data_synthesis.trajectories.rows.select import SETTINGS

ONE = run("Book a quiet double room in Lisbon for the first weekend of March, please.")
SAME_QUERY = run(
    "Book a quiet double room in Lisbon for the first weekend of March, thanks!",
    messages=run("something else entirely").messages,
)
SAME_CALLS = run(
    "I need somewhere to sleep near the Tagus.",
    messages=[run("I need somewhere to sleep.").messages[0], *ONE.messages[1:]],
)
OTHER = run("Which ferries leave Piraeus tonight, and what does a cabin on the fastest one cost?")
QUIET = SelectSettings(near_query=None, near_calls=None)


def reasons(runs: list[AgentRun], settings: SelectSettings = SETTINGS, **others) -> list[str]:
    _, rejects = select_rows(runs, settings, **others)
    return [outcome.reason for outcome in rejects]


def test_near_repeats_go_by_query_and_by_calls_and_the_first_stays():
    kept, rejects = select_rows([ONE, SAME_QUERY, SAME_CALLS, OTHER])
    assert kept == [ONE, OTHER]
    assert [(each.input_id, each.reason) for each in rejects] == [
        (SAME_QUERY.id, "near_query"),
        (SAME_CALLS.id, "near_calls"),
    ]
    assert ONE.id in rejects[0].detail


def test_nothing_is_compared_where_nothing_is_to_be():
    assert reasons([ONE, SAME_QUERY, SAME_CALLS, OTHER], QUIET) == []


def test_rows_without_calls_do_not_repeat_each_others_calls():
    silent = [
        row.model_copy(update={"messages": [row.messages[0], row.messages[-1]]}) for row in (ONE, OTHER)
    ]
    assert reasons(silent) == []


def test_the_same_calls_on_another_server_are_others():
    elsewhere = SAME_CALLS.model_copy(
        update={"task": SAME_CALLS.task.model_copy(update={"server_id": "a-hostel-of-another-name"})}
    )
    assert reasons([ONE, elsewhere]) == []


def test_a_broken_run_takes_nobodys_place():
    broken = ONE.model_copy(update={"status": "broken", "id": "broken"})
    assert select_rows([broken, ONE])[0] == [ONE]


def test_null_scores_are_taken_only_when_asked_for():
    null = run(scores={"query_plan": None})
    assert reasons([null]) == ["null_score"]
    assert reasons([null], SelectSettings(unjudged=True)) == []


@pytest.mark.parametrize(
    ("prompts", "functions"),
    [
        ((ONE.task.query,), frozenset()),
        ((), frozenset({Function("Book", frozenset({"room"}))})),
    ],
)
def test_prompts_and_functions_of_benchmarks_are_kept_away_from(prompts, functions):
    benchmark = Benchmark("bfcl", "a test", prompts, functions)
    free = OTHER.model_copy(update={"tools": [ToolSpec(name="ferries")]})
    kept, rejects = select_rows([ONE, free], benchmarks=[benchmark])
    assert kept == [free]
    assert rejects[0].reason == "contaminated"
    assert "bfcl" in rejects[0].detail


def test_a_later_user_message_is_compared_with_benchmarks_too():
    said = [*OTHER.messages, ONE.messages[0], OTHER.messages[-1]]
    two_turns = OTHER.model_copy(update={"messages": said})
    benchmark = Benchmark("bfcl", "a test", (ONE.task.query,), frozenset())
    assert reasons([two_turns], benchmarks=[benchmark]) == ["contaminated"]


@settings(max_examples=20, deadline=None)
@given(st.lists(runs(), max_size=6))
def test_it_is_deterministic_and_what_is_kept_is_kept_again(rows):
    kept, rejects = select_rows(rows)
    assert (kept, rejects) == select_rows(rows)
    assert len(kept) + len(rejects) == len(rows)
    assert select_rows(kept) == (kept, [])


@pytest.mark.parametrize("similarity", [0, 1.5, float("nan")])
def test_a_similarity_that_is_none_is_an_error(similarity):
    with pytest.raises(ValueError, match="near_query"):
        SelectSettings(near_query=similarity)


def test_a_file_is_selected_with_rejects_and_a_funnel_that_goes_on(tmp_path):
    file, out = tmp_path / "rows.jsonl", tmp_path / "selected.jsonl"
    write_records(file, [ONE, SAME_QUERY, OTHER, run(status="broken")])
    with file.open("a") as lines:
        lines.write('{"messages": 3}\n')
    (tmp_path / "funnel.json").write_text('{"stages": [{"stage": "run", "inputs": 9, "outputs": 4}]}')
    console = Console(file=StringIO(), width=200)
    assert select_rows_file(file, out, console=console) == 0
    assert list(read_rows(out)) == [ONE, OTHER]
    rejects = [json.loads(line) for line in (tmp_path / "selected.rejects.jsonl").read_text().splitlines()]
    assert [each["reason"] for each in rejects] == ["unreadable_record", "near_query", "broken"]
    funnel = Funnel.model_validate_json((tmp_path / "selected.funnel.json").read_bytes())
    assert [stage.stage for stage in funnel.stages] == ["run", "usable", "near_query", "near_calls"]
    assert funnel.outputs == 2


def test_a_file_of_which_nothing_is_left_is_an_error_and_nothing_is_written(tmp_path):
    write_records(tmp_path / "rows.jsonl", [run(status="broken")])
    console = Console(file=StringIO(), width=200)
    assert select_rows_file(tmp_path / "rows.jsonl", tmp_path / "out.jsonl", console=console) == 2
    assert "broken 1" in console.file.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_the_input_is_not_overwritten(tmp_path):
    write_records(tmp_path / "rows.jsonl", [ONE])
    file = tmp_path / "rows.jsonl"
    assert select_rows_file(file, file, console=Console(file=StringIO())) == 2
    assert list(read_rows(file)) == [ONE]
