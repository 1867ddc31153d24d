import os
import signal
import subprocess

import pytest

from data_synthesis.mcp import processes
from data_synthesis.mcp.processes import MARK, ServerProcesses


@pytest.fixture
def server(tmp_path):
    process = subprocess.Popen(
        ["sleep", "300"], env={**os.environ, MARK: str(tmp_path)}, start_new_session=True
    )
    yield process
    process.kill()
    process.wait()


def test_what_runs_but_is_not_loaded_yet_is_ended_too(server, tmp_path, monkeypatch):
    # Between the start of a program and its first instruction the kernel shows an empty environment.
    read, looks = processes._environment, []

    def environment(process):
        if process[0] != server.pid:
            return read(process)
        looks.append(process)
        return read(process) if len(looks) > 1 else b"\0\0"

    monkeypatch.setattr(processes, "_environment", environment)
    ServerProcesses(tmp_path).end()
    assert server.wait(60) == -signal.SIGKILL
