"""Nothing leaks, nothing outlives its owner, and a dead interpreter is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from data_synthesis.sandbox import ORDINARY, Breach, ConfinementLevel, LocalSandbox, SandboxUnavailable

PING = {"ping": "def ping():\n    return 'pong'", "hang": "def hang():\n    while True: pass"}
ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts processes in /proc")


def children(process: int) -> set[int]:
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def interpreter(sandbox: LocalSandbox) -> int:
    """The process that sessions are forked from. Where there is a bubblewrap, it is below two processes of that."""
    process = sandbox._warm[ORDINARY]._process.pid
    while Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0].endswith(b"bwrap"):
        (process,) = children(process)
    return process


def only_child(process: int) -> int:
    """The child that is left once those of closed sessions are gone."""
    wait_until(lambda: len(children(process)) == 1)
    (child,) = children(process)
    return child


def gone(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition) -> None:
    give_up = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.01)


def resident_bytes(process: int | str) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_nothing_leaks(count):
    with LocalSandbox() as sandbox:
        warm = interpreter(sandbox)

        def cycle(sessions: int) -> tuple[int, int, int]:
            """Opens and closes sessions; then counts descriptors, and bytes on both sides."""
            for number in range(sessions):
                with sandbox.open(PING) as session:
                    assert session.call("ping", {}, 20.0) == "pong"
                    if number % 50 == 0:
                        with pytest.raises(Breach):
                            session.call("hang", {}, 0.01)
            wait_until(lambda: not children(warm))
            return len(os.listdir("/proc/self/fd")), resident_bytes(warm), resident_bytes("self")

        before = cycle(100)
        after = cycle(count - 100)
        assert after[0] == before[0]
        assert after[1] <= before[1] + (1 << 20)
        assert after[2] <= before[2] + (16 << 20)


def test_a_dead_interpreter_takes_its_sessions_along_and_is_replaced():
    with LocalSandbox() as sandbox:
        warm = interpreter(sandbox)
        session = sandbox.open(PING)
        process = only_child(warm)
        os.kill(warm, signal.SIGKILL)
        wait_until(lambda: gone(process))
        with pytest.raises(SandboxUnavailable):
            session.call("ping", {})
        with sandbox.open(PING) as session:
            assert session.call("ping", {}) == "pong"


def test_opening_works_at_once_after_the_interpreters_death():
    with LocalSandbox() as sandbox:
        for _ in range(3):
            os.kill(interpreter(sandbox), signal.SIGKILL)
            with sandbox.open(PING) as session:
                assert session.call("ping", {}) == "pong"


def test_a_session_that_is_killed_from_outside_is_nobodys_fault(sandbox):
    warm = interpreter(sandbox)
    with sandbox.open(PING) as session:
        process = only_child(warm)
        os.kill(process, signal.SIGKILL)
        with pytest.raises(SandboxUnavailable, match="from outside"):
            session.call("ping", {})


@pytest.mark.parametrize("level", ConfinementLevel, ids=lambda level: level.name)
def test_nothing_outlives_its_owner(level):
    script = (
        "from data_synthesis.sandbox import *\n"
        f"level = ConfinementLevel({level.value})\n"
        "sandbox = LocalSandbox(min(level, ConfinementLevel.SECCOMP), maximum=level)\n"
        "session = sandbox.open({'hang': 'def hang():\\n    while True: pass'})\n"
        "print(sandbox._warm[ORDINARY]._process.pid, flush=True)\n"
        "session.call('hang', {}, 60.0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        first = int(owner.stdout.readline())
        family = {first}
        while more := set().union(*map(children, family)) - family:
            family |= more
        owner.kill()
    assert len(family) > 1
    wait_until(lambda: all(map(gone, family)))


def test_an_interrupted_call_ends_its_session(sandbox):
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR2, interrupt)
    try:
        with sandbox.open(PING) as session:
            threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGUSR2)).start()
            with pytest.raises(KeyboardInterrupt):
                session.call("hang", {}, 20.0)
            with pytest.raises(SandboxUnavailable, match="interrupted"):
                session.call("ping", {})
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_forked_process_gets_an_interpreter_of_its_own(sandbox):
    child = os.fork()
    if child == 0:
        with sandbox.open(PING) as session:
            os._exit(session.call("ping", {}) != "pong")
    assert os.waitpid(child, 0)[1] == 0
    with sandbox.open(PING) as session:
        assert session.call("ping", {}) == "pong"
