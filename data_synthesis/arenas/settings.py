"""What the proof of an arena demands, as numbers. The paper names none of them: all are ours."""

from __future__ import annotations

from dataclasses import dataclass

from data_synthesis.arenas.episode import OUTPUT_CHARS
from data_synthesis.sandbox.world import ELSEWHERE, World

VERSION = 2  # of the checks; goes up when they accept something else


@dataclass(frozen=True)
class ProofSettings:
    """Thresholds of the proof. The defaults leave room around procedural arenas: see `benchmarks/arenas.py`.

    Attributes:
        world: where the gold calls are made the second time, beside the ordinary one.
        call_seconds: wall clock within which a gold call must return, as in an episode.
        changed_call_seconds: the same for a call with other arguments.
        traced_call_seconds: the same while the executed lines are noted, which takes several times as long.
        breaches: of changed calls of one gold call, after which the rest are taken as refused.
        cpu_seconds: CPU time of a gold call.
        load_cpu_seconds: CPU time of loading all sources of an arena.
        tool_bytes: source of one tool.
        arena_bytes: sources of all tools and distractors.
        tools: tools and distractors together.
        gold_calls: of one arena.
        output_chars: of a gold call's output as compact JSON; what an agent sees of it.
        coverage: share of a tool's statements that its gold calls must execute.
        guesses: an answer is specific by itself when at least so many answers have its length and its characters.
        answered: changed calls that must have been answered where an answer is not specific by itself.
        common: share of those at most that may give that answer too.
    """

    world: World = ELSEWHERE
    call_seconds: float = 2.0
    changed_call_seconds: float = 0.5
    traced_call_seconds: float = 20.0
    breaches: int = 3
    cpu_seconds: float = 0.5
    load_cpu_seconds: float = 1.0
    tool_bytes: int = 32 << 10
    arena_bytes: int = 256 << 10
    tools: int = 64
    gold_calls: int = 32
    output_chars: int = OUTPUT_CHARS
    coverage: float = 0.5
    guesses: int = 1000
    answered: int = 2
    common: float = 0.4
