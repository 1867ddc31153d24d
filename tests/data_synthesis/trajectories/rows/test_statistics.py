"""Statistics are sums: of parts as of the whole, and those that the paper gives come out for rows like the paper's."""

from __future__ import annotations

from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from row_strategy import run, runs, trajectories

from data_synthesis.records import Judgement, Message, ToolCall, Trajectory, write_records
from data_synthesis.trajectories.rows import stats_rows
from data_synthesis.trajectories.rows.statistics import PAPER, statistics_of


@settings(deadline=None)
@given(st.lists(trajectories() | runs(), max_size=6))
def test_figures_are_what_counting_by_hand_gives(rows):
    found = statistics_of(rows)
    messages = [message for row in rows for message in row.messages]
    calls = [call for message in messages for call in message.tool_calls]
    assert (found.rows, found.messages, found.calls) == (len(rows), len(messages), len(calls))
    assert found.functions == {call.name for call in calls}
    assert found.roles.total() == len(messages)
    assert found.parallel == sum(len(message.tool_calls) >= 2 for message in messages)
    assert found.short == sum(1 <= sum(len(m.tool_calls) for m in row.messages) <= 5 for row in rows)
    assert sum(found.statuses.values()) == sum(found.languages.values()) == len(rows)


def test_no_rows_are_no_division_by_zero():
    assert statistics_of([]).figures()["calls per row"] == "none"


def test_scores_count_nulls_apart_and_say_who_judged():
    failed = run(judgements={"query_plan": Judgement(score=None, by="model", reason="down")}, scores={})
    found = {name: rest for name, *rest in statistics_of([run(), failed]).score_rows()}
    assert found["query_plan"] == ["1.000", 1, 1, 0, 2]
    assert found["tool_call"] == ["0.500", 1, 0, 1, 0]


def test_executed_calls_injected_failures_and_broken_runs_are_counted():
    broken = run(status="broken", outcome="max_calls")
    found = statistics_of([run(), broken])
    assert found.events == {"ok": 2, "timeout": 2}
    assert found.injected == 2
    assert found.statuses == {"finished": 1, "broken: max_calls": 1}


def test_a_row_of_the_papers_shape_has_the_papers_figures():
    """One system and one user message, 4.16 assistant and 4.42 tool messages on average, over 50 rows."""
    rows = [_row(calls=4 + (n < 21), turns=3 + (n < 8)) for n in range(50)]
    figures = statistics_of(rows).figures()
    same = ("messages per row", "calls per row", "messages of tools", "messages of assistants")
    for name in same:
        ours, paper = (float(text.removesuffix(" %")) for text in (figures[name], PAPER[name]))
        assert abs(ours - paper) < 0.02 * paper, name


def _row(calls: int, turns: int) -> Trajectory:
    messages = [Message(role="system"), Message(role="user", content="q")]
    for turn in range(turns):
        several = calls - turns + 1 if turn == 0 else 1
        ids = [f"{turn}_{n}" for n in range(several)]
        messages.append(Message(role="assistant", tool_calls=[ToolCall(id=id, name="f") for id in ids]))
        messages += [Message(role="tool", tool_call_id=id) for id in ids]
    return Trajectory(messages=[*messages, Message(role="assistant", content="a")], tools=[])


def test_a_file_is_shown_beside_the_papers_figures_and_a_bad_line_is_told(tmp_path):
    file, console = tmp_path / "rows.jsonl", Console(file=StringIO(), width=160)
    write_records(file, [run(), run("Another one.")])
    assert stats_rows(file, console=console) == 0
    shown = console.file.getvalue()
    assert "54,885" in shown
    assert "72.2 %" in shown
    with file.open("a") as lines:
        lines.write("no row\n")
    assert stats_rows(file, console=console) == 1
    assert "unreadable_record" in console.file.getvalue()


def test_a_file_without_rows_is_an_error(tmp_path):
    (tmp_path / "none.jsonl").write_text("")
    assert stats_rows(tmp_path / "none.jsonl", console=Console(file=StringIO())) == 2
    assert stats_rows(tmp_path / "absent.jsonl", console=Console(file=StringIO())) == 2
