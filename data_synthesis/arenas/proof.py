"""The proof of an arena: it is used only if its gold calls, and no others, lead to its answers.

The checks are those of `CHECKS`, each with its own reasons (docs/arenas.md has the table). Some are made by reading
the arena (`structure.py`, `budget.py`), the others by calling its tools in the sandbox (`evidence.py`) and judging
what came back (`judgement.py`). A sandbox that fails raises; it never makes an arena fail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from data_synthesis.arenas import judgement
from data_synthesis.arenas.budget import size_findings, time_findings
from data_synthesis.arenas.differences import difference
from data_synthesis.arenas.evidence import Evidence, Gathered, gather
from data_synthesis.arenas.settings import VERSION, ProofSettings
from data_synthesis.arenas.structure import Finding, static_findings
from data_synthesis.records import Arena, Check, VerificationReport
from data_synthesis.sandbox.interface import Breach, Sandbox, SandboxUnavailable, SourceError

_READ = ("structure", "names", "question")  # made without a sandbox
CHECKS = (
    *_READ,
    "replay",
    "determinism",
    "arguments",
    "code",
    "output",
    "specificity",
    "coverage",
    "budget",
)
DEFAULTS = ProofSettings()


def prove(arena: Arena, sandbox: Sandbox, settings: ProofSettings = DEFAULTS) -> VerificationReport:
    """Proves one arena, by reading it and by running it in fresh sandbox sessions of two worlds.

    A check for which the sandbox did not tell enough is left out of the report of a refused arena.

    Raises:
        SandboxUnavailable: the sandbox failed, or did not say what the calls of an arena without findings used:
            whether the arena is sound is unknown.
    """
    findings = list(size_findings(arena, settings))
    if findings:
        return _report(findings, made=())
    findings = list(static_findings(arena, settings))
    static = {finding.reason for finding in findings}
    if static & {"duplicate_tool_name", "source_does_not_load"}:
        return _report(findings, made=_READ)
    try:
        gathered = gather(arena, sandbox, settings)
        findings += _judged(gathered, arena, sandbox, static, settings)
    except (SourceError, Breach) as error:
        findings.append(Finding("structure", "source_does_not_load", str(error)))
        return _report(findings, made=_READ)
    if gathered.unknown and not findings:
        names = " and ".join(f"`{name}`" for name in sorted(gathered.unknown))
        raise SandboxUnavailable(f"the sandbox does not say what the calls used, which {names} must know")
    return _report(findings, made=[name for name in CHECKS if name not in gathered.unknown])


def prove_all(
    arenas: Iterable[Arena], sandbox: Sandbox, workers: int = 2, settings: ProofSettings = DEFAULTS
) -> Iterator[Arena]:
    """Yields each arena with its verification report, in order, proving `workers` at a time.

    Raises:
        SandboxUnavailable: as `prove`.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[tuple[Arena, Future[VerificationReport]]] = deque()
        for arena in arenas:
            under_way.append((arena, pool.submit(prove, arena, sandbox, settings)))
            if len(under_way) > 2 * workers:
                yield _verified(*under_way.popleft())
        while under_way:
            yield _verified(*under_way.popleft())


def _verified(arena: Arena, report: Future[VerificationReport]) -> Arena:
    return arena.model_copy(update={"verification": report.result()})


def _report(findings: list[Finding], made: Sequence[str]) -> VerificationReport:
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
    return VerificationReport(passed=not findings, version=VERSION, checks=checks)


def _judged(
    gathered: Gathered, arena: Arena, sandbox: Sandbox, static: set[str], settings: ProofSettings
) -> Iterator[Finding]:
    yield from time_findings(gathered, settings)
    by_tool: dict[str, list[Evidence]] = {}
    for each in gathered.evidence:
        by_tool.setdefault(each.gold.tool, []).append(each)
        yield from judgement.replay_findings(each)
        if each.solved and not each.second.late:
            if each.first.text != each.second.text:
                yield difference(each, arena, sandbox, static, settings)
            else:
                yield from judgement.state_findings(each)
    for evidence in by_tool.values():
        for each in evidence:
            if each.solved and each.stable:
                others = [other for other in evidence if other is not each]
                yield from judgement.answer_findings(each, others, settings)
        if all(each.solved and each.stable for each in evidence):
            yield from judgement.coverage_findings(evidence, settings)
