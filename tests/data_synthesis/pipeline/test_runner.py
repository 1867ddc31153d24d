import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.pipeline import (
    Failure,
    PipelineError,
    Policy,
    Rejected,
    Stage,
    Undecided,
    run_stage,
    run_stages,
)
from data_synthesis.records import BadRecord, Question, Record, read_records
from data_synthesis.teacher.interface import TeacherError

FAST = Policy(concurrency=3, deadline=5.0, backoff=0.0)


def ask(*texts: str) -> list[Question]:
    return [Question(question=text) for text in texts]


def stage_of(run, name: str = "echo", **settings) -> Stage[Question]:
    return Stage(name, Question, run, settings)


async def echo(question: Question) -> list[Record]:
    return [question]


def run(stage, inputs, out, policy=FAST):
    return asyncio.run(run_stage(stage, inputs, out, policy=policy))


def outputs(out: Path, name: str = "echo") -> list[str]:
    return [q.question for q in read_records(out / f"{name}.jsonl", Question)]


@given(delays=st.lists(st.integers(0, 3), max_size=20), concurrency=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_outputs_stand_in_input_order_whatever_finishes_first(tmp_path_factory, delays, concurrency):
    out = tmp_path_factory.mktemp("order")

    async def wait(question: Question) -> list[Record]:
        await asyncio.sleep(0.0005 * question.model_extra["delay"])  # type: ignore[index]
        return [question]

    inputs = [Question(question=str(i), delay=d) for i, d in enumerate(delays)]  # type: ignore[call-arg]
    run(stage_of(wait), inputs, out, Policy(concurrency=concurrency))
    assert outputs(out) == [q.question for q in inputs]


def test_no_more_records_are_in_work_than_the_bound(tmp_path):
    at_work, most = 0, 0

    async def busy(question: Question) -> list[Record]:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.001)
        at_work -= 1
        return []

    run(stage_of(busy), ask(*map(str, range(30))), tmp_path)
    assert most == FAST.concurrency


def test_every_input_is_counted_once_and_every_loss_has_a_reason(tmp_path):
    async def picky(question: Question) -> list[Record]:
        if question.question == "bad":
            raise Rejected("no_good", "it says so")
        if question.question == "bug":
            raise KeyError("oops")
        if question.question == "mute":
            raise TeacherError("no reply")
        if question.question == "slow":
            await asyncio.sleep(60)
        return [question, Question(question="twin of " + question.question)]

    policy = Policy(deadline=0.05, backoff=0.0)
    inputs = ask("good", "bad", "bug", "mute", "slow", "good")
    summary = run(stage_of(picky), inputs, tmp_path, policy)
    assert summary.inputs == 6
    assert summary.outputs == 2
    assert summary.rejected == {"duplicate_input": 1, "no_good": 1}
    assert summary.failed == {"deadline": 1, "teacher_error": 1, "unexpected_error": 1}
    rejects = (tmp_path / "echo.rejects.jsonl").read_text()
    assert "it says so" in rejects
    assert "KeyError: 'oops' (test_runner.py:" in rejects
    assert "not settled within 0.05 s" in rejects


def test_a_record_is_tried_again_as_often_as_its_error_class_allows(tmp_path):
    tries: Counter[str] = Counter()

    async def flaky(question: Question) -> list[Record]:
        tries[question.question] += 1
        if tries[question.question] < 3:
            raise ConnectionError("reset")
        return [question]

    patient = Policy(backoff=0.0, failures={ConnectionError: Failure("connection", retries=2)})
    assert run(stage_of(flaky), ask("a"), tmp_path / "patient", patient).outputs == 1
    tries.clear()
    hasty = Policy(backoff=0.0, failures={ConnectionError: Failure("connection", retries=1)})
    assert run(stage_of(flaky), ask("a"), tmp_path / "hasty", hasty).failed == {"connection": 1}


def test_a_second_run_repeats_failures_and_nothing_else(tmp_path):
    tried: list[str] = []
    broken = True

    async def stage(question: Question) -> list[Record]:
        tried.append(question.question)
        if question.question == "mute" and broken:
            raise TeacherError("no reply")
        if question.question == "bad":
            raise Rejected("no_good")
        return [question]

    policy = Policy(backoff=0.0, failures={TeacherError: Failure("teacher_error")})
    run(stage_of(stage), ask("a", "mute", "bad"), tmp_path, policy)
    tried.clear()
    broken = False
    summary = run(stage_of(stage), ask("a", "mute", "bad", "new"), tmp_path, policy)
    assert tried == ["mute", "new"]
    assert summary.failed == {}
    assert outputs(tmp_path) == ["a", "mute", "new"]


def test_other_settings_refuse_the_folder(tmp_path):
    run(stage_of(echo, teacher="transcript"), ask("a"), tmp_path)
    with pytest.raises(PipelineError, match=r"other settings.*transcript.*procedural.*another output folder"):
        run(stage_of(echo, teacher="procedural"), ask("a"), tmp_path)


def test_two_runs_do_not_share_a_folder(tmp_path):
    async def rival(question: Question) -> list[Record]:
        with pytest.raises(PipelineError, match="another run is writing"):
            await run_stage(stage_of(echo), ask("b"), tmp_path)
        return [question]

    assert run(stage_of(rival), ask("a"), tmp_path).outputs == 1


def test_a_damaged_line_of_the_journal_is_named(tmp_path):
    run(stage_of(echo), ask("a", "b"), tmp_path)
    journal = tmp_path / "echo.journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(lines[0] + "garbage\n" + lines[2])
    with pytest.raises(BadRecord, match=r"echo\.journal\.jsonl:2: is damaged .*delete the line"):
        run(stage_of(echo), ask("a", "b"), tmp_path)


@given(cut=st.integers(0, 2000))
@settings(max_examples=40, deadline=None)
def test_a_journal_torn_at_any_byte_ends_with_the_same_files(tmp_path_factory, cut):
    whole, torn = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("torn")
    inputs = ask(*map(str, range(12)))
    run(stage_of(echo), inputs, whole)
    journal = (whole / "echo.journal.jsonl").read_bytes()
    (torn / "echo.journal.jsonl").write_bytes(journal[: cut % (len(journal) + 1)])
    run(stage_of(echo), inputs, torn)
    assert (torn / "echo.jsonl").read_bytes() == (whole / "echo.jsonl").read_bytes()


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path, monkeypatch):
    (tmp_path / "echo.jsonl.partial").mkdir()
    with pytest.raises(PipelineError, match=r"cannot write .*echo\.jsonl: Is a directory"):
        run(stage_of(echo), ask("a"), tmp_path)


def test_a_folder_that_is_a_file_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        PipelineError, match=r"cannot write .*echo\.journal\.jsonl: (File exists|Not a directory)"
    ):
        run(stage_of(echo), ask("a"), tmp_path / "file")


def test_a_bad_line_in_the_input_stops_the_run_and_keeps_what_was_settled(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "a"}\n{"question": 7}\n')
    with pytest.raises(BadRecord, match=r"questions\.jsonl:2: field `question`"):
        run(stage_of(echo), read_records(path, Question), tmp_path, Policy(concurrency=1))
    path.write_text('{"question": "a"}\n{"question": "b"}\n')
    assert run(stage_of(echo), read_records(path, Question), tmp_path).outputs == 2


def test_stages_feed_each_other_and_the_funnel_counts_them(tmp_path):
    async def drop_short(question: Question) -> list[Record]:
        if len(question.question) < 2:
            raise Rejected("too_short")
        return [question]

    stages = [stage_of(echo, "first"), stage_of(drop_short, "second"), stage_of(echo, "third")]
    funnel = asyncio.run(run_stages(stages, ask("a", "bb", "ccc"), tmp_path, policy=FAST))
    assert [(s.stage, s.inputs, s.outputs) for s in funnel.stages] == [
        ("first", 3, 3),
        ("second", 3, 2),
        ("third", 2, 2),
    ]
    assert funnel.stages[1].rejected == {"too_short": 1}
    assert outputs(tmp_path, "third") == ["bb", "ccc"]


@pytest.mark.parametrize(("lost", "asked"), [(Rejected, 1), (Undecided, 2)])
def test_what_a_lost_record_became_is_in_the_rejects_and_only_the_undecided_is_tried_again(
    tmp_path, lost, asked
):
    tries = []

    async def half(question: Question) -> list[Record]:
        tries.append(question.id)
        raise lost("broke", "in the middle", kept=Question(question="half an answer"))

    for _ in range(2):
        run(stage_of(half), ask("a"), tmp_path)
    assert len(tries) == asked
    line = json.loads((tmp_path / "echo.rejects.jsonl").read_text())
    assert line["kept"]["question"] == "half an answer"
    assert line["status"] == {Rejected: "rejected", Undecided: "failed"}[lost]
