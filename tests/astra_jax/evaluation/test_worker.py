"""Processes that answer as JSON lines: whatever they do, whoever asks gets an answer or one sentence, in time."""

import asyncio
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from astra_jax.evaluation.worker import Program, Worker, WorkerFailed, WorkerPool, WorkerRefused

SCRIPT = """
import json, os, sys, time
print("a banner", file=sys.stderr)
for line in sys.stdin:
    request = json.loads(line)
    op = request.pop("op")
    if op == "die":
        print("no more memory", file=sys.stderr, flush=True)
        os._exit(3)
    if op == "sleep":
        time.sleep(request["seconds"])
    answer = {"error": "KeyError: 'x'"} if op == "refuse" else {"ok": [op, request, os.getpid(), dict(os.environ)]}
    if op == "babble":
        print("this is no JSON", flush=True)
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def program(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(dedent(SCRIPT))

    def make(**more) -> Program:
        return Program("the toy", Path(sys.executable), script, "make toy", **{"deadline_s": 20.0, **more})

    return make


def asked(worker, *requests):
    """What each request gave: its answer, or the error that it raised."""

    async def ask():
        given = []
        for op, arguments in requests:
            try:
                given.append(await worker.ask(op, **arguments))
            except (WorkerFailed, WorkerRefused) as error:
                given.append(error)
        await worker.close()
        return given

    return asyncio.run(ask())


def test_one_process_answers_all_requests_with_what_they_hold(program):
    first, second = asked(Worker(program()), ("a", {"b": [1, "ü"]}), ("c", {}))
    assert first[:2] == ["a", {"b": [1, "ü"]}]
    assert second[0] == "c"
    assert first[2] == second[2]


def test_the_process_sees_little_of_this_ones_environment(program, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    [[_, _, _, env]] = asked(Worker(program(env={"HERE": "{folder}/x"})), ("a", {}))
    assert "OPENAI_API_KEY" not in env
    assert env["HERE"].endswith("/x")
    assert not Path(env["HERE"]).parent.exists()  # it went with the process


def test_a_death_is_told_with_its_last_words_and_the_next_request_starts_anew(program):
    before, death, after = asked(Worker(program()), ("a", {}), ("die", {}), ("a", {}))
    assert str(death) == "the toy died at `die` (exit status 3): no more memory"
    assert after[2] != before[2]


def test_what_takes_too_long_is_ended(program):
    slow, after = asked(Worker(program(deadline_s=1.0)), ("sleep", {"seconds": 60}), ("a", {}))
    assert str(slow) == "the toy did not answer `sleep` within 1 s and was ended"
    assert after[0] == "a"


def test_an_answer_that_is_none_ends_the_process(program):
    babble, after = asked(Worker(program()), ("babble", {}), ("a", {}))
    assert isinstance(babble, WorkerFailed)
    assert after[0] == "a"


def test_a_refusal_is_the_workers_own_words_and_leaves_it_alive(program):
    before, refusal, after = asked(Worker(program()), ("a", {}), ("refuse", {}), ("a", {}))
    assert str(refusal) == "the toy: KeyError: 'x'"
    assert before[2] == after[2]


def test_an_answer_that_nobody_waits_for_any_more_is_not_given_to_the_next(program):
    async def ask():
        worker = Worker(program())
        await worker.ask("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(worker.ask("sleep", seconds=0.5), 0.05)
        answer = await worker.ask("b")
        await worker.close()
        return answer

    assert asyncio.run(ask())[0] == "b"


def test_a_program_that_does_not_start_is_named(program, tmp_path):
    not_python = tmp_path / "python"
    not_python.write_text("")
    [error] = asked(Worker(Program("the toy", not_python, tmp_path / "x.py", "make toy")), ("a", {}))
    assert str(error).startswith("the toy does not start: ")


def test_an_environment_that_is_not_there_names_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no_python is not there; `make toy` makes it"):
        WorkerPool(Program("the toy", tmp_path / "no_python", tmp_path / "x.py", "make toy"), 1)


def test_a_pools_workers_answer_side_by_side_and_one_at_a_time_each(program):
    async def ask():
        pool = WorkerPool(program(), 2)
        answers = await asyncio.gather(*(pool.ask("a", number=number) for number in range(6)))
        await pool.close()
        return answers

    answers = asyncio.run(ask())
    assert [request["number"] for _, request, _, _ in answers] == list(range(6))
    assert len({pid for _, _, pid, _ in answers}) == 2
