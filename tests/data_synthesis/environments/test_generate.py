"""Generated arenas come from worker processes, which fail as their work does and outlive nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from data_synthesis.environments import Recipe, generate_arenas
from data_synthesis.records import Arena, read_records
from data_synthesis.sandbox import ConfinementLevel, SandboxUnavailable
from data_synthesis.teacher.procedural import Options

ROOT = Path(__file__).parents[3]
ENDLESS = """
import sys
from rich.console import Console
from data_synthesis.environments import Recipe, generate_arenas
from data_synthesis.sandbox import ConfinementLevel
from data_synthesis.teacher.procedural import Options
if __name__ == "__main__":
    recipe = Recipe(100_000, 0, ("bank",), Options(docs="brief"))
    generate_arenas(sys.argv[1], recipe, minimum=ConfinementLevel.SECCOMP, console=Console(quiet=True))
"""


def recipe(count: int) -> Recipe:
    return Recipe(count, 0, ("bank", "museum"), Options(docs="brief"))


def test_however_many_workers_there_are_the_bytes_are_the_same(tmp_path):
    for workers in (1, 2):
        made = generate_arenas(
            tmp_path / str(workers),
            recipe(60),
            minimum=ConfinementLevel.SECCOMP,
            console=Console(quiet=True),
            workers=workers,
        )
        assert made == 60
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert all(arena.id == arena.content_id() for arena in read_records(tmp_path / "1", Arena))


def test_a_sandbox_that_cannot_be_had_is_said_to_be_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # no bubblewrap there
    with pytest.raises(SandboxUnavailable, match="NAMESPACES"):
        generate_arenas(
            tmp_path / "arenas.jsonl",
            recipe(1),
            minimum=ConfinementLevel.NAMESPACES,
            console=Console(quiet=True),
            workers=1,
        )


def below(process: int) -> set[int]:
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    children = {int(child) for task in tasks for child in task.read_text().split()}
    return children.union(*(below(child) for child in children))


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")
def test_nothing_outlives_a_killed_process(tmp_path):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    arenas = tmp_path / "arenas.jsonl"
    command = [sys.executable, str(script), str(arenas)]
    with subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as process:
        give_up = time.monotonic() + 60
        partial = arenas.with_name(arenas.name + ".partial")
        while not (partial.exists() and partial.stat().st_size):  # both workers have their sandboxes by then
            assert time.monotonic() < give_up
            time.sleep(0.05)
        family = below(process.pid)
        assert len(family) > 2
        process.send_signal(signal.SIGKILL)
    give_up = time.monotonic() + 20
    while left := [each for each in family if alive(each)]:
        assert time.monotonic() < give_up, left
        time.sleep(0.05)
