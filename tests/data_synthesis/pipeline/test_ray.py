"""The same stages on a local Ray cluster of two workers. Its victim is this file: `python test_ray.py OUT COUNT`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # also where this file is the victim

from deeds import Broken, Deeds, questions

from data_synthesis.pipeline import PipelineError, Policy, RayCluster, run_stages

pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POLICY = Policy(concurrency=32, backoff=0.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory) -> Iterator[RayCluster]:
    with RayCluster(2, tmp_path_factory.mktemp("ray") / "ray.log") as cluster:
        yield cluster


def run(out: Path, inputs, cluster: RayCluster | None = None, make=None):
    make = make or Deeds(out / "log.txt")
    out.mkdir(exist_ok=True)
    where = {"executor": cluster.executor(make)} if cluster else {}
    stages = Deeds(out / "log.txt")()
    return asyncio.run(run_stages(stages, inputs, out, policy=POLICY, **where))


def results(out: Path) -> dict[str, bytes]:
    files = (path for path in out.glob("*.jsonl") if not path.name.endswith(".journal.jsonl"))
    return {path.name: path.read_bytes() for path in files}


def log(out: Path) -> list[str]:
    return (out / "log.txt").read_text().splitlines()


def test_the_files_are_those_of_one_process(cluster, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    inputs = questions(60, "mute", "0", "1")
    expected = run(here, inputs)
    assert run(there, inputs, cluster) == expected
    assert results(there) == results(here)
    assert expected.stages[0].rejected == {"duplicate_input": 2}
    assert expected.stages[1].failed == {"teacher_error": 1}
    done = len(log(there))
    run(there, inputs, cluster)
    assert results(there) == results(here)
    assert len(log(there)) == done


def test_a_run_goes_on_where_the_other_executor_stopped(cluster, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(whole, questions(40))
    run(parts, questions(15))
    run(parts, questions(30), cluster)
    run(parts, questions(40))
    assert results(parts) == results(whole)


def test_a_worker_that_dies_is_replaced(cluster, tmp_path):
    marker = tmp_path / "died"
    inputs = questions(20, f"kill once {marker}")
    there = tmp_path / "there"
    run(there, inputs, cluster)
    assert marker.exists()
    run(tmp_path / "here", inputs)
    assert results(there) == results(tmp_path / "here")


def test_nobody_to_ask_ends_the_run_and_what_was_settled_is_kept(cluster, tmp_path):
    with pytest.raises(PipelineError, match="no server answers; start one"):
        run(tmp_path, [*questions(30), *questions(0, "nobody there"), *questions(60)[30:]], cluster)
    assert results(tmp_path) == {}
    assert (tmp_path / "twice.journal.jsonl").read_text().count("\n") > 8
    assert run(tmp_path, questions(30), cluster).stages[0].outputs == 60


def test_workers_that_cannot_begin_are_one_clear_sentence(cluster, tmp_path):
    with pytest.raises(PipelineError, match="a worker cannot begin: RuntimeError: there is no sandbox here"):
        run(tmp_path, questions(3), cluster, Broken())


def test_a_cluster_that_is_lost_is_one_clear_sentence(tmp_path):
    def lose(out: Path) -> None:
        _wait_for_lines(out / "twice.journal.jsonl", 10)
        (raylet,) = [pid for pid, command in _processes_of(tmp_path) if "raylet/raylet " in command]
        os.kill(raylet, signal.SIGKILL)

    os.environ["CLUSTER_OF"] = str(tmp_path)
    try:
        with RayCluster(2, tmp_path / "ray.log") as cluster, ThreadPoolExecutor() as killer:
            killer.submit(lose, tmp_path)
            with pytest.raises(PipelineError, match=r"Ray failed: .*run the same command again"):
                run(tmp_path, questions(3000), cluster)
    finally:
        del os.environ["CLUSTER_OF"]
    _wait_until_nothing_runs(tmp_path)
    assert run(tmp_path, questions(60)).stages[0].outputs == 120


def test_killed_it_goes_on_to_the_same_bytes_and_leaves_nothing_running(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole, questions(200))
    victim = [sys.executable, __file__, str(killed), "200"]
    marked = {**os.environ, "CLUSTER_OF": str(killed)}
    process = subprocess.Popen(victim, env=marked)
    _wait_for_lines(killed / "logged.journal.jsonl", 60, process)
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    before = _settled(killed)
    assert results(killed) == {}
    assert len(before) >= 50
    _wait_until_nothing_runs(killed)
    subprocess.run(victim, check=True, timeout=300, env=marked)
    assert results(killed) == results(whole)
    again = log(killed)[len(before) :]
    assert len(set(before) & set(again)) <= 8 * POLICY.concurrency, "only what was in work is done again"
    _wait_until_nothing_runs(killed)


def _settled(out: Path) -> list[str]:
    return (out / "logged.journal.jsonl").read_text().splitlines()[1:]


def _wait_for_lines(path: Path, count: int, process: subprocess.Popen | None = None) -> None:
    deadline = time.monotonic() + 240
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process is None or process.poll() is None, "the pipeline ended before it could be killed"
        assert time.monotonic() < deadline, "the pipeline does not get on"
        time.sleep(0.01)


def _wait_until_nothing_runs(out: Path) -> None:
    deadline = time.monotonic() + 200
    while running := _processes_of(out):
        assert time.monotonic() < deadline, f"{running} still run"
        time.sleep(0.2)


def _processes_of(out: Path) -> list[tuple[int, str]]:
    """Those that have the folder in their environment, as all of a cluster's have."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"CLUSTER_OF={out}\0".encode() in (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if marked and command:
            found.append((int(process.name), command))
    return found


if __name__ == "__main__":
    with RayCluster(2, Path(sys.argv[1]) / "ray.log") as opened:
        run(Path(sys.argv[1]), questions(int(sys.argv[2])), opened)
