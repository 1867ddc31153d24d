"""A pipeline that is killed, stopped, or out of space. Its victim is this file: `python test_kill.py OUT COUNT`."""

import asyncio
import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from data_synthesis.pipeline import Policy, Rejected, Stage, run_stages
from data_synthesis.records import Provenance, Question, Record
from data_synthesis.teacher.interface import TeacherError

COUNT = 100
STAGES = ("square", "digit", "word")


def questions(count: int) -> Iterator[Question]:
    for i in range(count):
        yield Question(question=f"What is the square of {i}?", number=i)  # type: ignore[call-arg]


def stages(tries: Path) -> list[Stage[Question]]:
    """Numbers to squares, some more than once, to their last digits, which many share, to words."""

    def tried(what: str) -> None:
        with tries.open("a") as log:
            log.write(f"{what}\n")

    async def square(question: Question) -> list[Record]:
        number = question.model_extra["number"]  # type: ignore[index]
        tried(f"square of {number}")
        await asyncio.sleep(0.005 * (number * 7 % 5))
        if number % 10 == 3:
            raise Rejected("ends_in_three", f"{number} ends in 3")
        if number % 10 == 7:
            raise TeacherError(f"nobody knows {number}")
        return [Question(question=f"{number**2} ({i})") for i in range(number % 3)]

    async def digit(question: Question) -> list[Record]:
        tried(f"digit of {question.question}")
        await asyncio.sleep(0.002)
        origin = Provenance(parents=[question.id])
        return [Question(question=question.question.split()[0][-1], provenance=origin)]

    async def word(question: Question) -> list[Record]:
        tried(f"word of {question.question}, once {question.provenance.parents}")
        return [question]

    return [Stage(name, Question, run) for name, run in zip(STAGES, (square, digit, word), strict=True)]


def start(out: Path, *arguments: object) -> subprocess.Popen[str]:
    out.mkdir(exist_ok=True)
    command = [sys.executable, __file__, str(out), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(out: Path, *arguments: object) -> tuple[int, str]:
    """The return code of the victim and the last line of what it said."""
    process = start(out, *arguments)
    said = process.communicate(timeout=60)[1].splitlines()
    return process.returncode, said[-1] if said else ""


def results(out: Path) -> dict[str, bytes]:
    names = [f"{stage}{kind}.jsonl" for stage in STAGES for kind in ("", ".rejects")]
    return {name: (out / name).read_bytes() for name in names if (out / name).exists()}


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    moments = random.Random(11)
    assert finish(whole, COUNT)[0] == 0
    for _ in range(4):
        process = start(killed, COUNT)
        wait_for_lines(killed, moments.randrange(10, 45), process)
        process.kill()
        if process.wait(timeout=30) == 0:
            break  # a full machine looked too late: it had finished
        assert process.returncode == -signal.SIGKILL
        assert results(killed) == {}
    settled = settled_squares(killed)
    tried_before = (killed / "tries.log").read_text().count("\n")
    assert finish(killed, COUNT)[0] == 0
    assert results(killed) == results(whole)
    tried = (killed / "tries.log").read_text().splitlines()
    assert settled
    assert not settled & set(tried[tried_before:])
    finish(killed, COUNT)
    assert results(killed) == results(whole)
    new = (killed / "tries.log").read_text().splitlines()[len(tried) :]
    assert {line.split()[0] for line in new} == {"square"}, "only what failed is tried again"


def test_stopped_by_ctrl_c_it_leaves_the_files_of_before(tmp_path):
    assert finish(tmp_path, 20)[0] == 0
    before = results(tmp_path)
    process = start(tmp_path, COUNT)
    wait_for_lines(tmp_path, 10, process)
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert results(tmp_path) == before
    assert not list(tmp_path.glob("*.partial"))
    whole = tmp_path / "whole"
    assert (finish(tmp_path, COUNT)[0], finish(whole, COUNT)[0]) == (0, 0)
    assert results(tmp_path) == results(whole)


def test_a_full_disk_is_one_clear_sentence_and_the_next_run_goes_on(tmp_path):
    whole, full = tmp_path / "whole", tmp_path / "full"
    assert finish(whole, 20)[0] == 0
    _, said = finish(full, 20, 1500)
    assert "PipelineError: cannot write" in said
    assert "run the same command again" in said
    assert results(full) == {}
    assert finish(full, 20)[0] == 0
    assert results(full) == results(whole)


def wait_for_lines(out: Path, more: int, process: subprocess.Popen) -> None:
    """Until the journals have so many lines more."""

    def lines() -> int:
        return sum(path.read_bytes().count(b"\n") for path in out.glob("*.journal.jsonl"))

    target, deadline = lines() + more, time.monotonic() + 30
    while lines() < target:
        assert process.poll() is None, "the pipeline ended before it could be stopped"
        assert time.monotonic() < deadline, "the pipeline does not get on"
        time.sleep(0.0005)


def settled_squares(out: Path) -> set[str]:
    """Those whose outcome stands in the journal for good, as the victim logs them."""
    lines = (out / "square.journal.jsonl").read_text().splitlines()[1:]
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    ids = {entry["input_id"] for entry in whole if entry["status"] != "failed"}
    return {f"square of {i}" for i, q in enumerate(questions(COUNT)) if q.id in ids}


if __name__ == "__main__":
    out, count = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # shells ignore it in what they run in the background
    if len(sys.argv) > 3:  # stands for a full disk: no file may grow beyond so many bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    policy = Policy(concurrency=4, backoff=0.0)
    asyncio.run(run_stages(stages(out / "tries.log"), questions(count), out, policy=policy))
