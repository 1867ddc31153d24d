"""Whether an arena is of a reasonable size, and its tools fast enough to be called thousands of times."""

from __future__ import annotations

from collections.abc import Iterator

from data_synthesis.arenas.evidence import Gathered
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.structure import Finding, label
from data_synthesis.records import Arena


def size_findings(arena: Arena, settings: ProofSettings) -> Iterator[Finding]:
    """What is larger than allowed. Such an arena is neither read any further nor run."""
    tools = [*arena.tools, *arena.distractors]
    sizes = {tool.name: len(tool.source.encode("utf-8", "replace")) for tool in tools}
    for name, size in sizes.items():
        if size > settings.tool_bytes:
            yield _too_large(f"the source of `{name}` has {size} bytes", settings.tool_bytes)
    counts = {
        "bytes of source": (sum(sizes.values()), settings.arena_bytes),
        "tools and distractors": (len(tools), settings.tools),
        "gold calls": (len(arena.gold_calls), settings.gold_calls),
    }
    for what, (count, most) in counts.items():
        if count > most:
            yield _too_large(f"the arena has {count} {what}", most)


def time_findings(gathered: Gathered, settings: ProofSettings) -> Iterator[Finding]:
    """What took longer than allowed. How long is not said, as it is another time each time."""
    if gathered.load_seconds is not None and gathered.load_seconds > settings.load_cpu_seconds:
        yield _too_slow("loading the sources", f"{settings.load_cpu_seconds:g} s of CPU time")
    for each in gathered.evidence:
        if each.first.late:
            yield _too_slow(label(each.gold), f"{settings.call_seconds:g} s")
        elif each.second.late:
            yield _too_slow(
                f"{label(each.gold)}, with its lines counted,", f"{settings.traced_call_seconds:g} s"
            )
        elif each.cpu_seconds is not None and each.cpu_seconds > settings.cpu_seconds:
            yield _too_slow(label(each.gold), f"{settings.cpu_seconds:g} s of CPU time")


def _too_large(what: str, most: int) -> Finding:
    return Finding("budget", "too_large", f"{what}; the most is {most}")


def _too_slow(what: str, most: str) -> Finding:
    return Finding("budget", "too_slow", f"{what} takes more than {most}")
