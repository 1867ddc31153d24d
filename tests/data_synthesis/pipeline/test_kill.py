"""A stage that is killed or runs out of space. The victim is this file: `python test_kill.py OUT_DIR COUNT [BYTES]`."""

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

from data_synthesis.pipeline import Policy, Rejected, Stage, run_stage
from data_synthesis.records import Question, Record
from data_synthesis.teacher.interface import TeacherError

COUNT = 100


def questions(count: int) -> Iterator[Question]:
    for i in range(count):
        yield Question(question=f"What is the square of {i}?", number=i)  # type: ignore[call-arg]


def squares(tries: Path) -> Stage[Question]:
    async def square(question: Question) -> list[Record]:
        number = question.model_extra["number"]  # type: ignore[index]
        with tries.open("a") as log:
            log.write(f"{number}\n")
        await asyncio.sleep(0.005 * (number * 7 % 5))
        if number % 10 == 3:
            raise Rejected("ends_in_three", f"{number} ends in 3")
        if number % 10 == 7:
            raise TeacherError(f"nobody knows {number}")
        return [Question(question=f"{number**2} ({i})") for i in range(number % 3)]

    return Stage("square", Question, square)


def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    moments = random.Random(11)
    subprocess.run([sys.executable, __file__, str(whole), str(COUNT)], check=True, timeout=60)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, __file__, str(killed), str(COUNT)])
        _wait_for_lines(killed / "square.journal.jsonl", moments.randrange(5, 30))
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
        assert not (killed / "square.jsonl").exists()
    settled = _settled(killed)
    tried_before = (killed / "tries.log").read_text().count("\n")
    subprocess.run([sys.executable, __file__, str(killed), str(COUNT)], check=True, timeout=60)
    for name in ("square.jsonl", "square.rejects.jsonl"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    tried_after = (killed / "tries.log").read_text().splitlines()[tried_before:]
    assert settled
    assert not settled & set(tried_after)


def test_a_full_disk_is_one_clear_sentence_and_the_next_run_goes_on(tmp_path):
    whole, full = tmp_path / "whole", tmp_path / "full"
    for folder in (whole, full):
        folder.mkdir()
    victim = [sys.executable, __file__]
    subprocess.run([*victim, str(whole), "20"], check=True, timeout=60)
    stopped = subprocess.run([*victim, str(full), "20", "1500"], capture_output=True, text=True, timeout=60)
    assert "PipelineError: cannot write" in stopped.stderr.splitlines()[-1]
    assert "run the same command again" in stopped.stderr.splitlines()[-1]
    subprocess.run([*victim, str(full), "20"], check=True, timeout=60)
    assert (full / "square.jsonl").read_bytes() == (whole / "square.jsonl").read_bytes()


def _wait_for_lines(path: Path, more: int) -> None:
    def lines() -> int:
        return path.read_bytes().count(b"\n") if path.exists() else 0

    target, deadline = lines() + more, time.monotonic() + 30
    while lines() < target:
        assert time.monotonic() < deadline, "the stage does not get on"
        time.sleep(0.0005)


def _settled(out: Path) -> set[str]:
    """The numbers whose outcome stands in the journal for good."""
    lines = (out / "square.journal.jsonl").read_text().splitlines()[1:]
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    ids = {entry["input_id"] for entry in whole if entry["status"] != "failed"}
    return {str(i) for i, q in enumerate(questions(COUNT)) if q.id in ids}


if __name__ == "__main__":
    out, count = Path(sys.argv[1]), int(sys.argv[2])
    if len(sys.argv) > 3:  # stands for a full disk: no file may grow beyond so many bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    policy = Policy(concurrency=4, backoff=0.0)
    asyncio.run(run_stage(squares(out / "tries.log"), questions(count), out, policy=policy))
