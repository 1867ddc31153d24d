"""How fast arenas are generated and proved: the warm sandbox against a fresh interpreter for every gold call.

The fresh interpreter is how the released ASTRA code checks a tool: source and one printed call, run from nothing. It
replays each gold call once and proves no more than that, while the proof makes each call three times, in two
sessions, with changed calls between. What it does not show: how much of a model's time the proof would take.
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from benchmarks.reporting import Figure, main
from data_synthesis.arenas.proof import prove, prove_all
from data_synthesis.records import Arena
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import Options, make_arenas

ARENAS, SAMPLE = 1000, 25
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
