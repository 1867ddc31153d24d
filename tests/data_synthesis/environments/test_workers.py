"""The steps on a local Ray cluster of two workers come to the same arenas, with any teacher."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from data_synthesis.environments import Settings, synthesise_arenas
from data_synthesis.environments.workers import Workers
from data_synthesis.pipeline import Policy, RayCluster
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.server import ServerSettings, ServerTeacher
from data_synthesis.teacher.transcript import TranscriptTeacher

sys.path.insert(0, str(Path(__file__).parents[1] / "teacher" / "server"))  # for the scripted server

from scripted_server import Server, says

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUICK = Policy(backoff=0.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[RayCluster]:
    with RayCluster(2, tmp_path_factory.mktemp("ray") / "ray.log") as cluster:
        yield cluster


def contents(out: Path) -> dict[str, bytes]:
    """Everything a run leaves but its journals and its ledger."""
    files = [path for path in out.rglob("*.json*") if not path.name.endswith(".journal.jsonl")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.parametrize("settings", [Settings(), Settings(score_quantile=0.2)], ids=["minimum", "quantile"])
def test_the_transcripts_become_the_same_arenas(cluster, sandbox, tmp_path, settings):
    teacher = TranscriptTeacher()
    workers = Workers(cluster, TranscriptTeacher, LocalSandbox)
    run = partial(synthesise_arenas, teacher.seeds(), teacher, sandbox, settings=settings, policy=QUICK)
    here = run(tmp_path / "here")
    asked = teacher.usage()["asked"]
    there = run(tmp_path / "there", workers=workers)
    assert there == here
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert here.outputs
    assert teacher.usage()["asked"] == asked, "the workers have teachers of their own"


class Recorder(TranscriptTeacher):
    """Remembers the words of each question beside its recorded answer."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, str] = {}

    async def ask(self, prompt):
        reply = await super().ask(prompt)
        self.answers[prompt.text()] = reply.model_dump_json()
        return reply


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def test_workers_that_ask_a_server_share_a_ledger(server, sandbox, tmp_path):
    recorder = Recorder()
    seeds = recorder.seeds()[:8]
    synthesise_arenas(seeds, recorder, sandbox, tmp_path / "recorded", policy=QUICK)
    server.script[:] = [
        lambda handler: says(recorder.answers[handler.body["messages"][0]["content"]])(handler)
    ]
    settings, ledger = ServerSettings("small", (server.url,)), tmp_path / "teacher.sqlite"

    def run(out: Path) -> int:
        teacher = ServerTeacher(settings, ledger)
        with RayCluster(2, tmp_path / "ray.log") as cluster:
            workers = Workers(cluster, partial(ServerTeacher, settings, ledger, shared=True), LocalSandbox)
            synthesise_arenas(seeds, teacher, sandbox, out, policy=QUICK, workers=workers)
        return sum(counts["requests"] for counts in teacher.usage().values())

    requests = run(tmp_path / "first")
    assert requests == len(server.bodies) == len({json.dumps(body) for body in server.bodies})
    assert run(tmp_path / "second") == requests, "in another folder, everything is known"
    assert contents(tmp_path / "second") == contents(tmp_path / "first")
    assert list(tmp_path.glob("*.part*")) == []
