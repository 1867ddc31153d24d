"""How fast arenas are generated and proved: the warm sandbox against a fresh interpreter for every gold call.

The fresh interpreter is how the released ASTRA code checks a tool: source and one printed call, run from nothing. It
replays each gold call once and proves no more than that, while the proof makes each call three times, in two
sessions of two worlds, with changed calls between. The proof on one core is that of an arena with four tools and about
thirty calls, gold and changed ones together, with its processes bound to that core. The margins say how far generated
arenas stay from the thresholds of `ProofSettings`. What is not shown: how much of a model's time the proof would take.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from statistics import median
from time import perf_counter

from benchmarks.reporting import Figure, main
from data_synthesis.arenas import coverage
from data_synthesis.arenas.evidence import Gathered, gather
from data_synthesis.arenas.proof import DEFAULTS, prove, prove_all
from data_synthesis.records import Arena
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import Options, make_arenas

ARENAS, SAMPLE = 1000, 25
TOOLS, CALLS, REPETITIONS, BAR_MS = 4, 30, 100, 150
MARGINS = 200  # arenas whose margins are measured
VARIANTS = {"missing_function": 0.15, "missing_parameter": 0.15}
FULL, BRIEF = Options(docs="full", **VARIANTS), Options(docs="brief", **VARIANTS)


def measure() -> list[Figure]:
    list(
        make_arenas(100, seed=0, options=FULL)
    )  # imports, and the tools of the other domains, which are kept
    list(make_arenas(100, seed=0, options=BRIEF))
    generating, arenas = timed(lambda: list(make_arenas(ARENAS, seed=1, options=FULL)))
    generating_brief, _ = timed(lambda: list(make_arenas(ARENAS, seed=1, options=BRIEF)))
    with LocalSandbox() as sandbox:
        proving, proved = timed(lambda: list(prove_all(arenas, sandbox, workers=os.cpu_count() or 1)))
        one = median(timed(lambda: prove(arena, sandbox))[0] for arena in arenas[:SAMPLE])  # noqa: B023
        warm = median(timed(lambda: replay(arena, sandbox))[0] for arena in arenas[:SAMPLE])  # noqa: B023
    fresh = median(timed(lambda: replay_fresh(arena))[0] for arena in arenas[:SAMPLE])  # noqa: B023
    failed = sum(not arena.verification.passed for arena in proved if arena.verification)
    whole = generating + proving
    calls = sum(len(arena.gold_calls) for arena in arenas)
    return [
        Figure("generated, full documents", ARENAS / generating, "arenas/s"),
        Figure("generated, brief documents", ARENAS / generating_brief, "arenas/s"),
        Figure(f"proved, {os.cpu_count()} workers, {calls} gold calls", ARENAS / proving, "arenas/s"),
        Figure(f"{ARENAS} generated and proved", whole, "s", bar="under 60 s on 2 cores", met=whole < 60),
        Figure(f"refused by the proof, of {ARENAS}", failed, "arenas", bar="none", met=failed == 0),
        Figure("proof of one arena, median, one worker", 1000 * one, "ms"),
        Figure("gold calls of an arena, warm, median", 1000 * warm, "ms"),
        Figure("gold calls of an arena, fresh, median", 1000 * fresh, "ms"),
        Figure(
            "warm, how many times as fast",
            fresh / warm,
            "x",
            "an interpreter a call",
            "above 1",
            fresh > warm,
        ),
        Figure("whole proof, how many times as fast", fresh / one, "x", "one replay, an interpreter a call"),
        *on_one_core(arenas),
        *margins(arenas[:MARGINS]),
    ]


def on_one_core(arenas: Sequence[Arena]) -> list[Figure]:
    """The proof of the first arena with `TOOLS` tools whose calls come closest to `CALLS`."""
    with one_core() as bound, LocalSandbox() as sandbox:
        candidates = [arena for arena in arenas if len(arena.tools) == TOOLS][:SAMPLE]
        counted = [(calls_of(gather(arena, sandbox, DEFAULTS)), arena) for arena in candidates]
        calls, arena = min(counted, key=lambda pair: abs(pair[0] - CALLS))
        times = sorted(timed(lambda: prove(arena, sandbox))[0] for _ in range(REPETITIONS))
    typical, slow = 1000 * median(times), 1000 * times[int(0.95 * len(times))]
    name = f"proof of {TOOLS} tools, {len(arena.distractors)} distractors, {calls} calls, {bound}"
    bar = f"under {BAR_MS} ms"
    return [
        Figure(f"{name}, median of {REPETITIONS}", typical, "ms", bar=bar, met=typical < BAR_MS),
        Figure(f"{name}, 95th percentile", slow, "ms"),
    ]


@contextlib.contextmanager
def one_core() -> Iterator[str]:
    """Binds this process, and those that it starts meanwhile, to one core where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield "any core"
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield "one core"
    finally:
        os.sched_setaffinity(0, before)


def calls_of(gathered: Gathered) -> int:
    """Calls that a proof makes: gold ones three times, changed ones once, and one of each tool in the other world."""
    evidence = gathered.evidence
    return sum(3 + len(each.changed) for each in evidence) + len({each.gold.tool for each in evidence})


def margins(arenas: Sequence[Arena]) -> list[Figure]:
    """How far the arenas stay from what the proof refuses."""
    with LocalSandbox() as sandbox:
        gathered = [gather(arena, sandbox, DEFAULTS) for arena in arenas]
    evidence = [each for one in gathered for each in one.evidence]
    shares = [coverage.share(e.source.statements, e.executed) for e in evidence if e.executed is not None]
    tools = [[len(tool.source.encode()) for tool in [*arena.tools, *arena.distractors]] for arena in arenas]
    slowest = 1000 * max(each.cpu_seconds or 0 for each in evidence)
    loading = 1000 * max(one.load_seconds or 0 for one in gathered)
    return [
        Figure(
            "statements that gold calls execute, least", min(shares), "", bar=f"{DEFAULTS.coverage:g} or more"
        ),
        Figure("statements that gold calls execute, median", median(shares), ""),
        Figure("gold call, CPU, most", slowest, "ms", bar=f"{1000 * DEFAULTS.cpu_seconds:g} or less"),
        Figure(
            "loading an arena, CPU, most", loading, "ms", bar=f"{1000 * DEFAULTS.load_cpu_seconds:g} or less"
        ),
        Figure("source of a tool, most", max(map(max, tools)), "bytes", bar=f"{DEFAULTS.tool_bytes} or less"),
        Figure(
            "sources of an arena, most", max(map(sum, tools)), "bytes", bar=f"{DEFAULTS.arena_bytes} or less"
        ),
        Figure("tools and distractors, most", max(map(len, tools)), "", bar=f"{DEFAULTS.tools} or less"),
    ]


def timed(work):
    """Seconds that `work` takes, and its result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


def replay(arena: Arena, sandbox: LocalSandbox) -> None:
    session = sandbox.open({tool.name: tool.source for tool in arena.tools})
    try:
        for gold in arena.gold_calls:
            session.call(gold.tool, gold.arguments)
    finally:
        session.close()


def replay_fresh(arena: Arena) -> None:
    sources = {tool.name: tool.source for tool in arena.tools}
    for gold in arena.gold_calls:
        program = f"{sources[gold.tool]}\nprint({gold.tool}(**{gold.arguments!r}))\n"
        subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, timeout=30)


if __name__ == "__main__":
    main("arenas: generation and proof", measure)
