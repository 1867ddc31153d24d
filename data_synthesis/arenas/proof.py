"""The proof of an arena: it is used only if its gold calls, and no others, lead to its answers.

Eight checks, each with its own reasons (docs/arenas.md has the table): `structure`, `names`, `question`, `replay`,
`determinism`, `arguments`, `code` and `output`. A sandbox that fails raises; it never makes an arena fail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from data_synthesis.arenas.changes import Change, changes
from data_synthesis.arenas.episode import OUTPUT_CHARS
from data_synthesis.arenas.schema import problems
from data_synthesis.arenas.scoring import arguments_known, flattened, scalar_text, solves
from data_synthesis.arenas.source import ToolSource, read_source
from data_synthesis.arenas.structure import Finding, label, static_findings
from data_synthesis.arenas.trial import Outcome, Trial
from data_synthesis.records import Arena, ArenaTool, Check, GoldCall, VerificationReport
from data_synthesis.sandbox.interface import Breach, Sandbox, SourceError

CHECKS = ("structure", "names", "question", "replay", "determinism", "arguments", "code", "output")

_DEADLINE = 2.0  # seconds for a gold call, as in an episode
_CHANGED_DEADLINE = 0.5  # seconds for a changed call
_MOST_BREACHES = 3  # of changed calls of one gold call; after that the rest are taken as refused


@dataclass
class Evidence:
    """What the calls of one gold call did, in the order in which they were made."""

    gold: GoldCall
    source: ToolSource
    first: Outcome = field(default_factory=Outcome)  # in a fresh session
    second: Outcome = field(default_factory=Outcome)  # in another one
    changed: list[tuple[Change, Outcome]] = field(
        default_factory=list
    )  # in the second session, or later ones
    again: Outcome = field(default_factory=Outcome)  # after all changed calls

    @property
    def solved(self) -> bool:
        return self.first.contains(self.gold.expected)


def prove(arena: Arena, sandbox: Sandbox) -> VerificationReport:
    """Proves one arena, by reading it and by running it in two fresh sandbox sessions.

    Raises:
        SandboxUnavailable: the sandbox failed: whether the arena is sound is unknown.
    """
    findings = list(static_findings(arena))
    static = {finding.reason for finding in findings}
    if static & {"duplicate_tool_name", "source_does_not_load"}:
        return _report(findings, made=CHECKS[:3])
    try:
        evidence = _gather(arena, sandbox)
    except (SourceError, Breach) as error:
        findings.append(Finding("structure", "source_does_not_load", str(error)))
        return _report(findings, made=CHECKS[:3])
    for each in evidence:
        findings += _judged(each, evidence, "clock_or_random" in static)
    return _report(findings, made=CHECKS)


def prove_all(arenas: Iterable[Arena], sandbox: Sandbox, workers: int = 2) -> Iterator[Arena]:
    """Yields each arena with its verification report, in order, proving `workers` at a time.

    Raises:
        SandboxUnavailable: as `prove`.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[tuple[Arena, Future[VerificationReport]]] = deque()
        for arena in arenas:
            under_way.append((arena, pool.submit(prove, arena, sandbox)))
            if len(under_way) > 2 * workers:
                yield _verified(*under_way.popleft())
        while under_way:
            yield _verified(*under_way.popleft())


def _verified(arena: Arena, report: Future[VerificationReport]) -> Arena:
    return arena.model_copy(update={"verification": report.result()})


def _report(findings: list[Finding], made: tuple[str, ...]) -> VerificationReport:
    checks: list[Check] = []
    for name in CHECKS:
        details: dict[str, list[str]] = {}
        for finding in findings:
            if finding.check == name:
                details.setdefault(finding.reason, []).append(finding.detail)
        for reason, texts in details.items():
            checks.append(Check(name=name, passed=False, reason=reason, detail="; ".join(texts)))
        if not details and name in made:
            checks.append(Check(name=name, passed=True))
    return VerificationReport(passed=not findings, checks=checks)


def _gather(arena: Arena, sandbox: Sandbox) -> list[Evidence]:
    tools = {tool.name: tool for tool in arena.tools}
    runnable = [
        gold for gold in arena.gold_calls if gold.tool in tools and _is_runnable(gold, tools[gold.tool])
    ]
    evidence = [Evidence(gold, read_source(tools[gold.tool].source, gold.tool)) for gold in runnable]
    with Trial(arena, sandbox) as trial:
        for each in evidence:
            each.first = trial.call(each.gold.tool, each.gold.arguments, _DEADLINE)
    with Trial(arena, sandbox) as trial:
        for each in [each for each in evidence if each.solved]:
            each.second = trial.call(each.gold.tool, each.gold.arguments, _DEADLINE)
        for each in [each for each in evidence if each.solved]:
            others = [gold for gold in runnable if gold.tool == each.gold.tool and gold is not each.gold]
            found = changes(each.gold, tools[each.gold.tool].spec, each.source.columns, others)
            each.changed = _outcomes(found, each.gold.tool, trial)
        for each in [each for each in evidence if each.solved]:
            each.again = trial.call(each.gold.tool, each.gold.arguments, _DEADLINE)
    return evidence


def _is_runnable(gold: GoldCall, tool: ArenaTool) -> bool:
    return arguments_known(gold) and not problems(gold.arguments, tool.spec.parameters)


def _outcomes(changed: list[Change], tool: str, trial: Trial) -> list[tuple[Change, Outcome]]:
    done: list[tuple[Change, Outcome]] = []
    for change in changed:
        done.append((change, trial.call(tool, change.arguments, _CHANGED_DEADLINE)))
        if sum(outcome.breach for _, outcome in done) == _MOST_BREACHES:
            break
    return done


def _judged(one: Evidence, evidence: list[Evidence], reads_clock: bool) -> Iterator[Finding]:
    """What running one gold call showed. Whatever rests on a failed check is not judged."""
    gold = one.gold
    if one.first.error:
        yield Finding("replay", "gold_call_fails", f"{label(gold)}: {one.first.error}")
    elif not one.solved:
        detail = f"{label(gold)} returned {one.first.text[:200]}, without {gold.expected!r}"
        yield Finding("replay", "gold_answer_missing", detail)
    elif one.first.text != one.second.text:
        reason = "clock_or_random" if reads_clock else "non_deterministic"
        yield Finding("determinism", reason, f"{label(gold)} returned two outputs in two fresh sessions")
    elif one.first.text != one.again.text:
        detail = f"{label(gold)} returned another output when it was called again, after other calls"
        yield Finding("determinism", "non_deterministic", detail)
    else:
        yield from _argument_findings(
            one, [each for each in evidence if each.gold.tool == gold.tool and each is not one]
        )


def _argument_findings(one: Evidence, others: list[Evidence]) -> Iterator[Finding]:
    kept = {name: stayed for name in ["", *one.gold.arguments] if (stayed := _kept(one, name))}
    ignored = [name for name in one.gold.arguments if name in kept and all(kept[name])]
    same_for_all = not one.gold.arguments or (bool(kept) and all(map(all, kept.values())))
    if len(one.first.text) > OUTPUT_CHARS:
        detail = f"{label(one.gold)} returns {len(one.first.text)} characters, of which an agent sees {OUTPUT_CHARS}"
        yield Finding("output", "dumps_table", detail)
    elif (ignored or same_for_all) and _is_dump(one, others):
        detail = f"{label(one.gold)} returns the rows of other arguments as well"
        yield Finding("output", "dumps_table", detail)
    elif same_for_all:
        detail = f"{label(one.gold)} returns its answer whatever its arguments"
        yield Finding("arguments", "constant_output", detail)
    elif ignored:
        names = ", ".join(f"`{name}`" for name in ignored)
        yield Finding(
            "arguments", "ignores_argument", f"the answer of {label(one.gold)} does not depend on {names}"
        )
    else:
        yield from _leaks(one, others)


def _kept(one: Evidence, argument: str) -> list[bool]:
    """For each change of one argument (of all, for the empty name) that tells something, whether the answer stayed.

    A refusal tells nothing, as a constant can be guarded too. Nor does it tell anything that the answer went away for
    a value that the tool cannot know, or for a moved one when it stayed for two that the tool does know.
    """
    stayed: dict[str, list[bool]] = {"known": [], "moved": [], "made_up": []}
    for change, outcome in one.changed:
        if change.argument == argument and not outcome.refused:
            stayed[change.kind].append(outcome.contains(one.gold.expected))
    if len(stayed["known"]) >= 2:
        return stayed["known"]
    return [*stayed["known"], *stayed["moved"], *filter(None, stayed["made_up"])]


def _leaks(one: Evidence, others: list[Evidence]) -> Iterator[Finding]:
    """Answers that are reached by the wrong call although every argument matters."""
    for change, outcome in one.changed:
        if change.kind == "made_up" and not outcome.refused and outcome.contains(one.gold.expected):
            detail = f"{label(one.gold)} returns its answer for a `{change.argument}` that it cannot know"
            yield Finding("code", "answer_in_code_default", detail)
    for other in others:
        if solves(other.gold, one.gold.arguments, one.first.value):
            detail = f"the output of {label(one.gold)} also contains the answer of {label(other.gold)}"
            yield Finding("output", "answers_another_sub_question", detail)


def _is_dump(one: Evidence, others: list[Evidence]) -> bool:
    """Whether the output holds most rows of a table in the source, or the answers of other gold calls."""
    output = flattened(one.first.value)

    def shown(row: tuple) -> bool:
        return 2 * sum(f" {scalar_text(value)} " in output for value in row) >= len(row)

    whole = any(2 * sum(map(shown, rows)) >= len(rows) for rows in one.source.tables)
    return whole or any(solves(other.gold, one.gold.arguments, one.first.value) for other in others)
