"""What confinement costs: a session's opening, a call, its memory, and what is left after many of them.

    python -m benchmarks.sandbox [--json FILE]

Compares a call with what it would cost to start a fresh interpreter for it, plain and inside bubblewrap, in the same
run and with the same tool. It does not show what tools cost that compute for long, nor the remote sandbox. Memory is
the proportional set size, which only root may read of confined processes; without root that figure is left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.reporting import Figure, main
from data_synthesis.sandbox import LocalSandbox, bubblewrap

SOURCE = """
CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Kenya": "Nairobi"}

def capital(country: str, upper: bool = False) -> dict:
    name = CAPITALS[country]
    return {"country": country, "capital": name.upper() if upper else name}
"""
SOURCES = {"capital": SOURCE}
ARGUMENTS = {"country": "Kenya"}
ANSWER = {"country": "Kenya", "capital": "Nairobi"}
FRESH = (
    "import json, sys\nnames = {}\nexec(sys.argv[1], names)\n"
    "print(json.dumps(names['capital'](**json.loads(sys.argv[2]))))"
)
OPENINGS, CALLS, FRESH_RUNS, ALIVE, SESSIONS = 300, 5_000, 40, 256, 10_000


def measure() -> list[Figure]:
    with LocalSandbox() as sandbox:
        print(sandbox.describe())
        opening = timed(lambda: sandbox.open(SOURCES), OPENINGS, after=lambda session: session.close())
        with sandbox.open(SOURCES) as session:
            calling = timed(lambda: check(session.call("capital", ARGUMENTS)), CALLS)
        return [
            *speed(opening, calling, fresh_interpreter([]), fresh_bubblewrap()),
            *memory(sandbox),
            *leaks(sandbox),
        ]


def speed(
    opening: list[float], calling: list[float], plain: list[float], wrapped: list[float] | None
) -> list[Figure]:
    """The figures of lists of seconds."""
    open_ms, call_ms, plain_ms = (1e3 * statistics.median(times) for times in (opening, calling, plain))
    figures = [
        Figure("open a session, median", open_ms, "ms", bar="< 10 ms", met=open_ms < 10),
        Figure("open a session, 95th percentile", 1e3 * percentile_95(opening), "ms"),
        Figure("call, median", call_ms, "ms", bar="< 0.2 ms", met=call_ms < 0.2),
        Figure("call, 95th percentile", 1e3 * percentile_95(calling), "ms"),
        Figure("fresh interpreter a call, median", plain_ms, "ms"),
        *times_as_fast(open_ms, call_ms, plain_ms, "a fresh interpreter a call"),
    ]
    if wrapped is None:
        print(f"no figure for a fresh bubblewrap a call: {bubblewrap.probe().problem}")
        return figures
    wrapped_ms = 1e3 * statistics.median(wrapped)
    return [
        *figures,
        Figure("fresh bubblewrap a call, median", wrapped_ms, "ms"),
        *times_as_fast(open_ms, call_ms, wrapped_ms, "a fresh bubblewrap a call"),
    ]


def times_as_fast(open_ms: float, call_ms: float, other_ms: float, other: str) -> list[Figure]:
    return [
        Figure(f"call, how many times as fast as {other}", other_ms / call_ms, "x", other),
        Figure(f"open, how many times as fast as {other}", other_ms / open_ms, "x", other),
    ]


def memory(sandbox: LocalSandbox) -> list[Figure]:
    """What sessions take that are alive at once and have each answered, with the interpreter they come from."""
    sessions = [sandbox.open(SOURCES) for _ in range(ALIVE)]
    for session in sessions:
        check(session.call("capital", ARGUMENTS))
    try:
        mebibytes = sum(map(proportional_set_bytes, descendants(os.getpid()))) / 2**20
    except PermissionError:
        print("no figure for memory: only root may read that of confined processes")
        return []
    finally:
        for session in sessions:
            session.close()
    bar = "< 1024 MiB"
    return [Figure(f"{ALIVE} sessions alive, in all", mebibytes, "MiB", bar=bar, met=mebibytes < 1024)]


def leaks(sandbox: LocalSandbox) -> list[Figure]:
    """What a long row of sessions leaves behind."""
    wait_for_sessions_to_end()
    before = footprint()
    started = time.perf_counter()
    for _ in range(SESSIONS):
        with sandbox.open(SOURCES) as session:
            check(session.call("capital", ARGUMENTS))
    seconds = time.perf_counter() - started
    wait_for_sessions_to_end()
    descriptors, processes, resident = (a - b for a, b in zip(footprint(), before, strict=True))
    left = f"left after {SESSIONS} sessions"
    return [
        Figure("sessions opened, called and closed", SESSIONS / seconds, "1/s"),
        Figure(f"descriptors {left}", descriptors, "", bar="0", met=descriptors == 0),
        Figure(f"processes {left}", processes, "", bar="0", met=processes == 0),
        Figure(f"memory {left}", resident / 2**20, "MiB", bar="< 16 MiB", met=resident < 16 << 20),
    ]


def timed(action: Callable, count: int, after: Callable = lambda _: None) -> list[float]:
    """Seconds of each `action`, without those of `after`, which gets its result."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - started)
        after(result)
    return times


def fresh_interpreter(wrapper: list[str]) -> list[float]:
    command = [*wrapper, *bubblewrap.interpreter(), "-c", FRESH, SOURCE, json.dumps(ARGUMENTS)]

    def once() -> None:
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)
        check(json.loads(done.stdout))

    return timed(once, FRESH_RUNS)


def fresh_bubblewrap() -> list[float] | None:
    probe = bubblewrap.probe()
    return None if probe.problem else fresh_interpreter(probe.wrap([], {}))


def check(answer: object) -> None:
    assert answer == ANSWER, answer


def percentile_95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def footprint() -> tuple[int, int, int]:
    """Open descriptors here, processes below this one, and resident bytes of them all."""
    family = descendants(os.getpid())
    page = os.sysconf("SC_PAGE_SIZE")
    resident = sum(int(Path(f"/proc/{p}/statm").read_text().split()[1]) for p in (os.getpid(), *family))
    return len(os.listdir("/proc/self/fd")), len(family), resident * page


def descendants(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return children + [below for child in children for below in descendants(child)]


def wait_for_sessions_to_end() -> None:
    """Sessions are killed without waiting; what is counted next must not count those."""
    time.sleep(1.0)


def proportional_set_bytes(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10


if __name__ == "__main__":
    main("Sandbox", measure)
