"""What the tools of an arena do when they are called: with the gold calls, in two worlds, and with other arguments.

Two fresh sessions. In the ordinary world the gold calls come first, as in an episode, then the changed calls, then the
gold calls once more. In the other world, where lines are traced, each tool is first called with changed arguments, and
the gold calls follow in reverse order: state that follows the order of calls, such as a number that is given to each
new input, shows there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data_synthesis.arenas.changes import KINDS, Change, changes, shifted, unchanged
from data_synthesis.arenas.schema import problems
from data_synthesis.arenas.scoring import arguments_known, contains_answer
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
    changed: list[tuple[Change, Outcome]] = field(default_factory=list)  # there too, or in later sessions
    again: Outcome = field(default_factory=Outcome)  # there too, after all changed calls
    second: Outcome = field(default_factory=Outcome)  # in one of another world, with its lines traced
    unchanged: list[str] = field(default_factory=list)  # arguments for which no other value was found
    cpu_seconds: float | None = None  # of the first call; None if unknown
    executed: frozenset[int] | None = (
        None  # lines of the tool's source, by all its gold calls and one other; None if unknown
    )

    @property
    def solved(self) -> bool:
        return self.first.contains(self.gold.expected)

    @property
    def stable(self) -> bool:
        """Whether the gold call gives the same output whenever and wherever it is made."""
        return self.first.text == self.second.text == self.again.text

    def answered(self, change: Change, outcome: Outcome) -> bool:
        """Whether a changed call got an answer instead of a refusal.

        An output that reads like a refusal is an answer where the gold call's own output reads so too, and where it
        contains the expected answer without having been given it.
        """
        if outcome.error or not outcome.refused or self.first.refused:
            return not outcome.error
        given = contains_answer(list(change.arguments.values()), self.gold.expected)
        return not given and outcome.contains(self.gold.expected)


@dataclass
class Gathered:
    """The evidence of all gold calls that can be made, and the CPU seconds that loading all sources took, if known."""

    evidence: list[Evidence]
    load_seconds: float | None = None

    @property
    def unknown(self) -> set[str]:
        """The checks that cannot be made, as the sandbox did not say what the calls used."""
        seconds = [self.load_seconds, *(each.cpu_seconds for each in self.evidence)]
        untraced = any(each.executed is None for each in self.evidence)
        return {name for name, lacks in (("budget", None in seconds), ("coverage", untraced)) if lacks}


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
    with Trial(sources_of([*arena.tools, *arena.distractors]), sandbox) as trial:
        for each in gathered.evidence:
            each.first = trial.call(each.gold.tool, each.gold.arguments, settings.call_seconds)
        _note_seconds(gathered, trial.usage())
        solved = [each for each in gathered.evidence if each.solved]
        for each in solved:
            _change(each, tools[each.gold.tool], runnable, trial, settings)
        for each in solved:
            each.again = trial.call(each.gold.tool, each.gold.arguments, settings.call_seconds)
    if solved:
        _make_calls_elsewhere(solved, tools, sandbox, settings)
    return gathered


def sources_of(tools: list[ArenaTool]) -> dict[str, str]:
    return {tool.name: tool.source for tool in tools}


def _note_seconds(gathered: Gathered, used: Usage | None) -> None:
    if used is None:
        return
    gathered.load_seconds = used.load_seconds
    seconds = used.call_seconds
    if len(seconds) != len(gathered.evidence):  # a call whose arguments could not be sent
        seconds = [max(seconds, default=None)] * len(gathered.evidence)
    for each, spent in zip(gathered.evidence, seconds, strict=True):
        each.cpu_seconds = spent


def _make_calls_elsewhere(
    solved: list[Evidence], tools: Mapping[str, ArenaTool], sandbox: Sandbox, settings: ProofSettings
) -> None:
    by_tool: dict[str, list[Evidence]] = {}
    for each in solved:
        by_tool.setdefault(each.gold.tool, []).append(each)
    needed = sources_of([tools[name] for name in by_tool])
    before = {name: change for name, evidence in by_tool.items() if (change := _answered(evidence))}
    with Trial(needed, sandbox, settings.world, traced=True) as trial:
        if not _make_traced_calls(before, solved, trial, settings):
            with Trial(needed, sandbox, settings.world, traced=True) as fresh:
                _make_traced_calls({}, solved, fresh, settings)


def _make_traced_calls(
    before: Mapping[str, Change], solved: list[Evidence], trial: Trial, settings: ProofSettings
) -> bool:
    """Whether the calls that go before broke no bound: after a breach no lines are traced."""
    for name, change in before.items():
        if trial.call(name, change.arguments, settings.traced_call_seconds).breach:
            return False
    for each in reversed(solved):
        each.second = trial.call(each.gold.tool, each.gold.arguments, settings.traced_call_seconds)
    _note_lines(solved, trial.usage())
    return True


def _answered(evidence: Sequence[Evidence]) -> Change | None:
    """A changed call that its tool answered, with values that the tool knows where there is such a one."""
    answered = (
        change for one in evidence for change, outcome in one.changed if one.answered(change, outcome)
    )
    return min(answered, key=lambda change: KINDS.index(change.kind), default=None)


def _note_lines(solved: list[Evidence], used: Usage | None) -> None:
    for each in solved:
        each.executed = used.lines.get(each.gold.tool) if used else None


def _change(
    one: Evidence, tool: ArenaTool, runnable: list[GoldCall], trial: Trial, settings: ProofSettings
) -> None:
    siblings = [gold for gold in runnable if gold.tool == tool.name and gold is not one.gold]
    found = changes(one.gold, tool.spec, one.source.columns, siblings)
    one.unchanged = unchanged(one.gold, tool.spec, found)
    _make_changed_calls(one, found, trial, settings)
    told = {
        change.argument
        for change, out in one.changed
        if change.kind != "made_up" and one.answered(change, out)
    }
    for name in one.gold.arguments:
        if name not in told:
            _make_changed_calls(
                one, shifted(name, one.gold, tool.spec, one.source.columns, found), trial, settings
            )


def _make_changed_calls(
    one: Evidence, found: Sequence[Change], trial: Trial, settings: ProofSettings
) -> None:
    for change in found:
        if sum(outcome.breach for _, outcome in one.changed) >= settings.breaches:
            break
        outcome = trial.call(one.gold.tool, change.arguments, settings.changed_call_seconds)
        one.changed.append((change, outcome))


def _fits(gold: GoldCall, tool: ArenaTool) -> bool:
    return arguments_known(gold) and not problems(gold.arguments, tool.spec.parameters)
