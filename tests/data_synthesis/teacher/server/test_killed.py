"""The whole pipeline over HTTP, killed or out of space and run again: no answer is asked for twice or lost.

The victim is this file: `python test_killed.py OUT URL`.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the scripted server, also where this file is the victim

from scripted_server import says

from astra_jax.cli import main
from data_synthesis.environments import synthesise_arenas
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.transcript import TranscriptTeacher

SEEDS, IN_FLIGHT = 7, 4


class Recorder(TranscriptTeacher):
    """Remembers the words of each question beside its recorded answer."""

    def __init__(self):
        super().__init__()
        self.answers: dict[str, str] = {}

    async def ask(self, prompt):
        reply = await super().ask(prompt)
        self.answers[prompt.text()] = reply.model_dump_json()
        return reply


@pytest.fixture
def book(server, sandbox, tmp_path) -> str:
    """Lets the server answer as the transcripts do, and gives a file of questions that it knows."""
    recorder = Recorder()
    seeds = [seed for seed in recorder.seeds() if seed.question][:SEEDS]
    synthesise_arenas(seeds, recorder, sandbox, tmp_path / "recorded")

    def answer(handler):
        time.sleep(0.01)
        says(recorder.answers[handler.body["messages"][0]["content"]])(handler)

    server.script[:] = [answer]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(seed.model_dump_json() + "\n" for seed in seeds))
    return str(path)


@pytest.fixture(scope="module")
def sandbox():
    with LocalSandbox() as opened:
        yield opened


def command(out: Path, questions: str, server, limit: int = 0) -> list[str]:
    return [sys.executable, __file__, str(limit), str(out), questions, server.url]


def finish(command: list[str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def contents(out: Path) -> dict[str, bytes]:
    """Everything a run leaves but its journals and its ledger."""
    files = [path for path in out.rglob("*.json*") if not path.name.endswith(".journal.jsonl")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def recorded(out: Path) -> int:
    """Requests that the ledger knows of."""
    with sqlite3.connect(out / "teacher.sqlite") as ledger:
        return ledger.execute("SELECT COUNT(*) FROM requests").fetchone()[0]


def test_killed_at_random_moments_it_repeats_only_what_was_in_flight(server, book, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert finish(command(whole, book, server)) == (0, "")
    needed = {json.dumps(body) for body in server.bodies}
    assert len(server.bodies) == len(needed) == recorded(whole)
    server.bodies.clear()
    moments, lost = random.Random(7), 0
    for _ in range(3):
        process = subprocess.Popen(command(killed, book, server), stderr=subprocess.PIPE, text=True)
        _wait_for_requests(server, len(server.bodies) + moments.randrange(3, 20), process)
        process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
        time.sleep(0.1)  # what it sent arrives
        newly_lost = len(server.bodies) - recorded(killed) - lost
        assert 0 <= newly_lost <= IN_FLIGHT
        lost += newly_lost
    assert not (killed / "arenas.jsonl").exists()
    assert finish(command(killed, book, server)) == (0, "")
    assert contents(killed) == contents(whole)
    assert {json.dumps(body) for body in server.bodies} == needed
    assert len(server.bodies) == len(needed) + lost, "only what was in flight is asked again"
    assert recorded(killed) == len(needed)


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(server, book, tmp_path):
    whole, full = tmp_path / "whole", tmp_path / "full"
    assert finish(command(whole, book, server)) == (0, "")
    server.bodies.clear()
    for limit in (40_000, 60_000):
        code, said = finish(command(full, book, server, limit))
        assert (code, said.count("\n")) == (2, 1)
        assert "astra: cannot" in said
        assert "run the same command again" in said
        assert not (full / "arenas.jsonl").exists()
    assert finish(command(full, book, server)) == (0, "")
    assert contents(full) == contents(whole)
    assert recorded(full) == recorded(whole)
    assert len(server.bodies) <= recorded(whole) + 2 * IN_FLIGHT


def _wait_for_requests(server, count: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while len(server.bodies) < count:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline, "the pipeline does not get on"
        time.sleep(0.0005)


if __name__ == "__main__":
    limit, out, questions, url = sys.argv[1:]
    if int(limit):  # stands for a full disk: no file may grow beyond so many bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit),) * 2)
    sys.exit(
        main(
            [
                "synth",
                "arenas",
                "--config=configs/synth/arenas_sglang.py",
                f"--config.seeds.path={questions}",
                f"--config.out_dir={out}",
                "--config.server.model=small",
                f"--config.server.base_urls=('{url}',)",
                f"--config.server.concurrency={IN_FLIGHT}",
                f"--config.server.most_concurrency={IN_FLIGHT}",
            ]
        )
    )
