"""What the tools of an arena do when they are called: with the gold calls, in two worlds, and with other arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_synthesis.arenas.changes import Change, changes, unchanged
from data_synthesis.arenas.schema import problems
from data_synthesis.arenas.scoring import arguments_known
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.source import ToolSource, read_source
from data_synthesis.arenas.trial import Outcome, Trial
from data_synthesis.records import Arena, ArenaTool, GoldCall
from data_synthesis.sandbox.interface import Sandbox, Usage


@dataclass
class Evidence:
    """What the calls of one gold call did, in the order in which they were made."""

    gold: GoldCall
    source: ToolSource
    first: Outcome = field(default_factory=Outcome)  # in a fresh session of the ordinary world
    second: Outcome = field(default_factory=Outcome)  # in one of another world, with its lines traced
    changed: list[tuple[Change, Outcome]] = field(default_factory=list)  # there too, or in later sessions
    again: Outcome = field(default_factory=Outcome)  # there too, after all changed calls
    unchanged: list[str] = field(default_factory=list)  # arguments for which no other value was found
    cpu_seconds: float = 0.0  # of the first call
    executed: frozenset[int] | None = (
        None  # lines of the tool's source, by all its gold calls; None if unknown
    )

    @property
    def solved(self) -> bool:
        return self.first.contains(self.gold.expected)

    @property
    def stable(self) -> bool:
        """Whether the gold call gives the same output whenever and wherever it is made."""
        return self.first.text == self.second.text == self.again.text


@dataclass
class Gathered:
    """The evidence of all gold calls that can be made, and the CPU seconds that loading all sources took."""

    evidence: list[Evidence]
    load_seconds: float = 0.0


def gather(arena: Arena, sandbox: Sandbox, settings: ProofSettings) -> Gathered:
    """Makes the calls. Those of a gold call that does not give its answer end with its first.

    Raises:
        SourceError, Breach: a source does not load.
        SandboxUnavailable: the sandbox failed.
    """
    tools = {tool.name: tool for tool in arena.tools}
    runnable = [gold for gold in arena.gold_calls if gold.tool in tools and _fits(gold, tools[gold.tool])]
    gathered = Gathered(
        [Evidence(gold, read_source(tools[gold.tool].source, gold.tool)) for gold in runnable]
    )
    _make_first_calls(gathered, arena, sandbox, settings)
    solved = [each for each in gathered.evidence if each.solved]
    if solved:
        _make_other_calls(solved, runnable, tools, sandbox, settings)
    return gathered


def sources_of(tools: list[ArenaTool]) -> dict[str, str]:
    return {tool.name: tool.source for tool in tools}


def _make_first_calls(gathered: Gathered, arena: Arena, sandbox: Sandbox, settings: ProofSettings) -> None:
    with Trial(sources_of([*arena.tools, *arena.distractors]), sandbox) as trial:
        for each in gathered.evidence:
            each.first = trial.call(each.gold.tool, each.gold.arguments, settings.call_seconds)
        _note_seconds(gathered, trial.usage())


def _note_seconds(gathered: Gathered, used: Usage | None) -> None:
    if used is None:
        return
    gathered.load_seconds = used.load_seconds
    seconds = used.call_seconds
    if len(seconds) != len(gathered.evidence):  # a call whose arguments could not be sent
        seconds = [max(seconds, default=0.0)] * len(gathered.evidence)
    for each, spent in zip(gathered.evidence, seconds, strict=True):
        each.cpu_seconds = spent


def _make_other_calls(
    solved: list[Evidence],
    runnable: list[GoldCall],
    tools: Mapping[str, ArenaTool],
    sandbox: Sandbox,
    settings: ProofSettings,
) -> None:
    needed = [tools[name] for name in dict.fromkeys(each.gold.tool for each in solved)]
    with Trial(sources_of(needed), sandbox, settings.world, traced=True) as trial:
        for each in solved:
            each.second = trial.call(each.gold.tool, each.gold.arguments, settings.traced_call_seconds)
        _note_lines(solved, trial.usage())
        for each in solved:
            _change(each, tools[each.gold.tool], runnable, trial, settings)
        for each in solved:
            each.again = trial.call(each.gold.tool, each.gold.arguments, settings.call_seconds)


def _note_lines(solved: list[Evidence], used: Usage | None) -> None:
    for each in solved:
        each.executed = used.lines.get(each.gold.tool) if used else None


def _change(
    one: Evidence, tool: ArenaTool, runnable: list[GoldCall], trial: Trial, settings: ProofSettings
) -> None:
    siblings = [gold for gold in runnable if gold.tool == tool.name and gold is not one.gold]
    found = changes(one.gold, tool.spec, one.source.columns, siblings)
    one.unchanged = unchanged(one.gold, tool.spec, found)
    for change in found:
        outcome = trial.call(tool.name, change.arguments, settings.changed_call_seconds)
        one.changed.append((change, outcome))
        if sum(outcome.breach for _, outcome in one.changed) == settings.breaches:
            break


def _fits(gold: GoldCall, tool: ArenaTool) -> bool:
    return arguments_known(gold) and not problems(gold.arguments, tool.spec.parameters)
