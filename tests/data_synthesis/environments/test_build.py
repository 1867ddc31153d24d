"""The whole pipeline on the shipped transcripts. Also the victim of its kill test: `python test_build.py OUT_DIR`."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from data_synthesis.environments import STEPS, Settings, synthesise_arenas
from data_synthesis.pipeline import PipelineError, Policy
from data_synthesis.records import Arena, Question, Seed, read_records
from data_synthesis.sandbox import LocalSandbox, SandboxUnavailable
from data_synthesis.teacher.procedural.teacher import ProceduralTeacher
from data_synthesis.teacher.transcript import SHIPPED, TranscriptTeacher

QUICK = Policy(backoff=0.0)


def defects() -> dict[str, tuple[str, str]]:
    """The transcripts that are wrong on purpose: folder -> the step and the reason of the rejection."""
    return {
        "wedding_tables": ("decompose", "bad_structure"),  # a circle
        "orchard_frost": ("decompose", "bad_structure"),  # too few layers
        "phone_plan": ("necessity", "non_leaf_without_tool"),
        "half_recipe": ("necessity", "no_tool_needed"),
        "movie_night": ("cut", "low_score"),
        "toll_bridge": ("synthesise", "no_tool_document"),
        "lab_appointment": ("synthesise", "no_tool_call"),
        "tax_refund": ("synthesise", "no_working_code"),
        "parking_permit": ("prove", "constant_output"),
        "paint_cans": ("prove", "ignores_argument"),
        "moving_van": ("prove", "answer_in_question"),
        "sunday_bus": ("prove", "dumps_table"),
        "parcel_abroad": ("prove", "answer_in_code_default"),
        "lease_notice": ("prove", "clock_or_random"),
        "repair_ticket": ("prove", "non_deterministic"),  # counts its calls
        "shared_trams": ("prove", "non_deterministic"),  # the order of a set
        "lido_weekend": ("prove", "answers_another_sub_question"),
        "drone_permit": ("prove", "unspecific_answer"),
        "freight_fuel": ("prove", "low_coverage"),
    }


def folders() -> dict[str, str]:
    """Seed id -> folder of its transcript."""
    paths = sorted(SHIPPED.glob("*/transcript.json"))
    return {Seed.model_validate(json.loads(p.read_text())["seed"]).id: p.parent.name for p in paths}


def origins(out: Path) -> dict[str, str]:
    """Id of any record of a run -> folder of the transcript that it comes from."""
    lines = [line for step in STEPS for line in (out / "steps" / f"{step}.jsonl").read_text().splitlines()]
    parents = {record["id"]: record["provenance"]["parents"][0] for record in map(json.loads, lines)}
    known = folders()

    def origin(record: str) -> str:
        return known[record] if record in known else origin(parents[record])

    return {record: origin(record) for record in [*known, *parents]}


def contents(out: Path) -> dict[str, bytes]:
    """Everything a run leaves but its journals."""
    files = [path for path in out.rglob("*.json*") if not path.name.endswith(".journal.jsonl")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def run(out: Path, sandbox, teacher=None, questions=None, **options):
    teacher = teacher or TranscriptTeacher()
    if questions is None:
        questions = teacher.seeds() if isinstance(teacher, TranscriptTeacher) else teacher.questions()
    return synthesise_arenas(questions, teacher, sandbox, out, **{"policy": QUICK, **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory, sandbox) -> Path:
    out = tmp_path_factory.mktemp("arenas")
    run(out, sandbox)
    return out


def rejects(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]


def test_the_recorded_seeds_become_proved_arenas_of_all_scenarios(finished):
    arenas = list(read_records(finished / "arenas.jsonl", Arena))
    scenarios = Counter(arena.scenario for arena in arenas)
    assert len(arenas) >= 20
    assert set(scenarios) == {"single_hop", "parallel_single_hop", "multi_hop", "parallel_multi_hop"}
    assert all(arena.verification and arena.verification.passed for arena in arenas)
    assert all(arena.provenance.teacher == "transcript" for arena in arenas)
    assert max(len(arena.gold_calls) for arena in arenas) == 6


def test_the_recorded_seeds_are_of_many_domains_and_modes(finished):
    seeds = TranscriptTeacher().seeds()
    assert len({seed.domain for seed in seeds}) >= 12
    assert {seed.mode for seed in seeds} == {"question", "context", "domain", "taxonomy", "env_call_state"}
    assert {seed.language for seed in seeds} == {"en", "zh"}
    assert sum(seed.question is not None for seed in seeds) >= 24
    contexts = [seed for seed in seeds if seed.mode == "context"]
    assert len(contexts) >= 4
    assert all(seed.context and 100 <= len(seed.context.split()) <= 200 for seed in contexts)
    origin, accepted = origins(finished), read_records(finished / "arenas.jsonl", Arena)
    scenarios = {origin[arena.id]: arena.scenario for arena in accepted}
    conditioned = [scenarios[name] for seed in contexts if (name := folders()[seed.id]) in scenarios]
    assert set(conditioned) == set(scenarios.values())


def test_the_words_of_an_arena_begin_with_the_situation_of_the_user(finished):
    by_folder = {origin: record for record, origin in origins(finished).items()}
    arenas = {arena.id: arena for arena in read_records(finished / "arenas.jsonl", Arena)}
    contexts = [seed for seed in TranscriptTeacher().seeds() if seed.mode == "context"]
    for seed in contexts:
        if arena := arenas.get(by_folder[folders()[seed.id]]):
            assert arena.question.startswith(f"{seed.context}\n\n")


def test_every_deliberate_defect_is_rejected_for_its_own_reason_and_nothing_else_is(finished):
    origin = origins(finished)
    verdicts = {origin[each["input_id"]]: (each["stage"], each["reason"]) for each in rejects(finished)}
    assert verdicts == defects()
    for each in rejects(finished):
        if each["stage"] == "prove":
            others = {reason for _, reason in defects().values()} - {each["reason"]}
            assert not any(reason in each["detail"] for reason in others), "it fails one check alone"
    accepted = {origin[arena.id] for arena in read_records(finished / "arenas.jsonl", Arena)}
    assert accepted == set(folders().values()) - set(defects())


def test_no_recorded_reply_was_missing_and_only_one_merge_failed(finished):
    arenas = read_records(finished / "arenas.jsonl", Arena)
    unmerged = [text for arena in arenas for text in (arena.provenance.model_extra or {}).get("unmerged", ())]
    assert len(unmerged) == 1
    assert "no recorded reply" not in unmerged[0]


def test_the_funnel_accounts_for_every_question(finished):
    funnel = json.loads((finished / "funnel.json").read_text())["stages"]
    assert [stage["stage"] for stage in funnel] == list(STEPS)
    for before, after in pairwise(funnel):
        assert after["inputs"] == before["outputs"]
    for stage in funnel:
        assert stage["inputs"] == stage["outputs"] + sum(stage["rejected"].values())
        assert stage["failed"] == {}


def test_tools_of_one_intent_were_merged_and_the_failed_merge_was_survived(finished):
    by_domain = {arena.domain: arena for arena in read_records(finished / "arenas.jsonl", Arena)}
    merged = [arena for arena in by_domain.values() if len(arena.tools) < len(arena.gold_calls)]
    assert {arena.domain for arena in merged} >= {"price_comparison", "shopping", "outdoors"}
    kept = by_domain["auto_parts"]
    assert [tool.name for tool in kept.tools] == ["find_part", "find_part_2"]
    assert "no_merge" in kept.provenance.model_extra["unmerged"][0]


def test_bad_replies_were_asked_again_and_not_only_good_ones_recorded():
    retried = [
        (exchange["prompt"].split("/")[0], len(exchange["replies"]))
        for path in SHIPPED.glob("*/transcript.json")
        for exchange in json.loads(path.read_text())["exchanges"]
        if len(exchange["replies"]) > 1
    ]
    judges = {"verify_dependency", "verify_atomicity", "verify_sequential", "verify_completeness"}
    tool = {"tool_document", "tool_scaling", "tool_call", "tool_code"}
    merged = {"intent_clusters", "merge_tool"}
    assert {name for name, _ in retried} == {
        *("decompose", "decompose_context", "decompose_taxonomy", "necessity"),
        *(judges | tool | merged),
    }


def test_what_is_no_valid_reply_was_passed_over_at_every_step(finished, sandbox, tmp_path):
    passed_over = set()

    class Watched(TranscriptTeacher):
        async def ask(self, prompt):
            before = self.usage()["refused"]
            reply = await super().ask(prompt)
            if self.usage()["refused"] > before:
                passed_over.add(prompt.name)
            return reply

    run(tmp_path, sandbox, Watched())
    assert contents(tmp_path) == contents(finished)
    assert passed_over >= {"decompose", "necessity", "verify_dependency", "tool_document", "merge_tool"}


def test_generated_questions_take_the_same_way(sandbox, tmp_path):
    teacher = ProceduralTeacher(12, seed=3)
    funnel = run(tmp_path, sandbox, teacher)
    assert [stage.outputs for stage in funnel.stages] == [12] * len(STEPS)
    arenas = list(read_records(tmp_path / "arenas.jsonl", Arena))
    assert [arena.question for arena in arenas] == [question.question for question in teacher.questions()]
    assert {arena.provenance.teacher for arena in arenas} == {"procedural"}


def test_a_second_run_asks_nothing_and_changes_nothing(finished, sandbox):
    before, teacher = contents(finished), TranscriptTeacher()
    run(finished, sandbox, teacher)
    assert teacher.usage()["asked"] == 0
    assert contents(finished) == before


def test_steps_run_one_at_a_time_come_to_the_same_files(finished, sandbox, tmp_path):
    for step in STEPS:
        run(tmp_path, sandbox, from_step=step, to_step=step)
    assert contents(tmp_path) == contents(finished)


def test_the_order_in_which_items_finish_does_not_show(finished, sandbox, tmp_path):
    run(tmp_path, sandbox, policy=Policy(concurrency=1, backoff=0.0))
    assert contents(tmp_path) == contents(finished)


def test_a_teacher_without_an_answer_fails_that_question_alone(sandbox, tmp_path):
    teacher = TranscriptTeacher()
    known = next(seed for seed in teacher.seeds() if seed.domain == "flights")
    funnel = run(tmp_path, sandbox, teacher, [Question(question="Who are you?"), known])
    assert funnel.stages[0].failed == {"teacher_error": 1}
    assert funnel.outputs == 1
    assert (
        'no recorded reply to decompose/1 attempt 0 about {\\"question\\": \\"Who are you?\\"}'
        in (tmp_path / "rejects.jsonl").read_text()
    )


def test_a_sandbox_that_fails_is_no_verdict_on_the_arena(sandbox, tmp_path):
    class Broken:
        level = sandbox.level

        def open(self, sources):
            raise SandboxUnavailable("no room")

        def close(self):
            pass

    teacher = TranscriptTeacher()
    known = [seed for seed in teacher.seeds() if seed.domain == "flights"]
    assert run(tmp_path, Broken(), teacher, known).stages[4].failed == {"sandbox_unavailable": 1}
    assert run(tmp_path, sandbox, teacher, known).outputs == 1


def test_the_funnel_is_printed_where_a_console_is_given(finished, sandbox, tmp_path):
    with (tmp_path / "console").open("w") as file:
        run(finished, sandbox, console=Console(file=file, width=120))
    text = (tmp_path / "console").read_text()
    assert "non_leaf_without_tool 1" in text
    assert "seeds to proved arenas" in text


def test_unusable_steps_are_one_clear_sentence(sandbox, tmp_path):
    with pytest.raises(PipelineError, match="there is no step 'proof'; the steps are decompose, "):
        run(tmp_path, sandbox, to_step="proof")
    with pytest.raises(PipelineError, match="step merge comes after verify"):
        run(tmp_path, sandbox, from_step="merge", to_step="verify")
    with pytest.raises(
        PipelineError, match=r"verify starts from .*necessity\.jsonl, .*; run step necessity first"
    ):
        run(tmp_path, sandbox, from_step="verify")


def test_other_settings_need_another_folder(finished, sandbox):
    with pytest.raises(PipelineError, match=r"decompose\.journal\.jsonl was written with other settings"):
        run(finished, sandbox, settings=Settings(attempts=2))


def test_a_quantile_cuts_by_the_scores_of_the_run_and_one_at_a_time_the_same(finished, sandbox, tmp_path):
    best = Settings(score_quantile=0.9)
    funnel = run(tmp_path / "whole", sandbox, settings=best)
    by_step = {stage.stage: stage for stage in funnel.stages}
    assert by_step["cut"].rejected == {"low_score": 2}  # all others share the best score, and ties pass
    for step in STEPS:
        run(tmp_path / "steps", sandbox, settings=best, from_step=step, to_step=step)
    assert contents(tmp_path / "steps") == contents(tmp_path / "whole")


def test_killed_at_random_moments_it_comes_to_the_same_bytes(finished, tmp_path):
    moments = random.Random(5)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, __file__, str(tmp_path)])
        _wait_for_lines(tmp_path / "steps", moments.randrange(10, 36), process)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert not (tmp_path / "arenas.jsonl").exists()
    subprocess.run([sys.executable, __file__, str(tmp_path)], check=True, timeout=120)
    assert contents(tmp_path) == contents(finished)


def _wait_for_lines(steps: Path, more: int, process: subprocess.Popen) -> None:
    def lines() -> int:
        return sum(path.read_bytes().count(b"\n") for path in steps.glob("*.journal.jsonl"))

    target, deadline = lines() + more, time.monotonic() + 60
    while lines() < target:
        assert process.poll() is None, "the pipeline ended before it could be killed"
        assert time.monotonic() < deadline, "the pipeline does not get on"
        time.sleep(0.001)


class SlowTeacher(TranscriptTeacher):
    async def ask(self, prompt):
        await asyncio.sleep(0.02)
        return await super().ask(prompt)


if __name__ == "__main__":
    with LocalSandbox() as opened:
        run(Path(sys.argv[1]), opened, SlowTeacher(), policy=Policy(concurrency=3))
