"""What the calls of a gold call show. Whatever rests on a failed check is not judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from data_synthesis.arenas import coverage
from data_synthesis.arenas.changes import KINDS
from data_synthesis.arenas.echo import echoes
from data_synthesis.arenas.evidence import Evidence
from data_synthesis.arenas.scoring import flattened, scalar_text, solves
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.specificity import guesses
from data_synthesis.arenas.structure import Finding, label


def replay_findings(one: Evidence) -> Iterator[Finding]:
    """Whether the gold call gives its answer. A call that did not return in time is the budget's business."""
    if one.first.error and not one.first.late:
        yield Finding("replay", "gold_call_fails", f"{label(one.gold)}: {one.first.error}")
    elif not one.first.error and not one.solved:
        detail = f"{label(one.gold)} returned {one.first.text[:200]}, without {one.gold.expected!r}"
        yield Finding("replay", "gold_answer_missing", detail)


def state_findings(one: Evidence) -> Iterator[Finding]:
    """Whether other calls change what the gold call returns."""
    if one.first.text != one.again.text:
        detail = f"{label(one.gold)} returned another output when it was called again, after other calls"
        yield Finding("determinism", "non_deterministic", detail)


def answer_findings(one: Evidence, others: Sequence[Evidence], settings: ProofSettings) -> Iterator[Finding]:
    """Whether the answer of a stable gold call is had by this call only.

    Args:
        others: the evidence of the tool's other gold calls.
    """
    found = list(_argument_findings(one, others, settings)) or list(_leaks(one, others))
    yield from found or _unspecific(one, settings)


def coverage_findings(evidence: Sequence[Evidence], settings: ProofSettings) -> Iterator[Finding]:
    """Whether the gold calls of a tool, all of them stable, execute enough of it."""
    name, executed = evidence[0].gold.tool, evidence[0].executed
    if executed is None:
        return
    share = coverage.share(evidence[0].source.statements, executed)
    if share < settings.coverage:
        least = f"{settings.coverage:.0%}"
        detail = f"the gold calls of `{name}` execute {share:.0%} of its statements; the least is {least}"
        yield Finding("coverage", "low_coverage", detail)


def _argument_findings(
    one: Evidence, others: Sequence[Evidence], settings: ProofSettings
) -> Iterator[Finding]:
    kept = {name: stayed for name in ["", *one.gold.arguments] if (stayed := _kept(one, name))}
    ignored = [name for name in one.gold.arguments if name in kept and all(kept[name])]
    no_choice = not one.changed and not one.unchanged
    same_for_all = no_choice or (bool(kept) and all(map(all, kept.values())))
    if len(one.first.text) > settings.output_chars:
        seen = f"of which an agent sees {settings.output_chars}"
        detail = f"{label(one.gold)} returns {len(one.first.text)} characters, {seen}"
        yield Finding("output", "dumps_table", detail)
    elif (ignored or same_for_all) and _is_dump(one, others):
        detail = f"{label(one.gold)} returns the rows of other arguments as well"
        yield Finding("output", "dumps_table", detail)
    elif echoes(one.gold, one.first.value):
        detail = f"the answer of {label(one.gold)} is in its arguments, which the output only repeats"
        yield Finding("arguments", "echoes_argument", detail)
    elif same_for_all:
        detail = f"{label(one.gold)} returns its answer whatever its arguments"
        yield Finding("arguments", "constant_output", detail)
    elif ignored:
        detail = f"the answer of {label(one.gold)} does not depend on {_listed(ignored)}"
        yield Finding("arguments", "ignores_argument", detail)
    elif one.unchanged:
        detail = f"no other value could be made for {_listed(one.unchanged)} of {label(one.gold)}"
        yield Finding("arguments", "unperturbed_argument", detail)


def _kept(one: Evidence, argument: str) -> list[bool]:
    """For each change of one argument (of all, for the empty name) that tells something, whether the answer stayed.

    A refusal tells nothing, as a constant can be guarded too. Nor does it tell anything that the answer went away for
    a value that the tool cannot know, or for a moved one when it stayed for two that the tool does know. Values of the
    same shape are asked where no legitimate one was answered, and two of them at least: one may be valid by chance.
    """
    stayed: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    for change, outcome in one.changed:
        if change.argument == argument and one.answered(change, outcome):
            stayed[change.kind].append(outcome.contains(one.gold.expected))
    if len(stayed["known"]) >= 2:
        return stayed["known"]
    told = stayed["known"] + stayed["moved"]
    if not told and len(stayed["shifted"]) >= 2:
        told = stayed["shifted"]
    return [*told, *filter(None, stayed["made_up"])]


def _leaks(one: Evidence, others: Sequence[Evidence]) -> Iterator[Finding]:
    """Answers that are reached by the wrong call although every argument matters."""
    for change, outcome in one.changed:
        if change.kind == "made_up" and one.answered(change, outcome) and outcome.contains(one.gold.expected):
            detail = f"{label(one.gold)} returns its answer for a `{change.argument}` that it cannot know"
            yield Finding("code", "answer_in_code_default", detail)
    for other in others:
        if solves(other.gold, one.gold.arguments, one.first.value):
            detail = f"the output of {label(one.gold)} also contains the answer of {label(other.gold)}"
            yield Finding("output", "answers_another_sub_question", detail)


def _unspecific(one: Evidence, settings: ProofSettings) -> Iterator[Finding]:
    """An answer that could be had by chance must be shown to be rare among the answers of changed calls."""
    if guesses(one.gold.expected) >= settings.guesses:
        return
    answered = [(change, outcome) for change, outcome in one.changed if one.answered(change, outcome)]
    same = sum(solves(one.gold, change.arguments, outcome.value) for change, outcome in answered)
    if len(answered) < settings.answered or same > settings.common * len(answered):
        detail = f"{one.gold.expected!r} of {label(one.gold)} says little, and {same} of {len(answered)} changed calls"
        yield Finding("specificity", "unspecific_answer", f"{detail} that were answered contain it")


def _is_dump(one: Evidence, others: Sequence[Evidence]) -> bool:
    """Whether the output holds most rows of a table in the source, or the answers of other gold calls."""
    output = flattened(one.first.value)

    def shown(row: tuple) -> bool:
        return 2 * sum(f" {scalar_text(value)} " in output for value in row) >= len(row)

    whole = any(2 * sum(map(shown, rows)) >= len(rows) for rows in one.source.tables)
    return whole or any(solves(other.gold, one.gold.arguments, one.first.value) for other in others)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
