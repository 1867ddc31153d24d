"""What can be proved about an arena without running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from data_synthesis.arenas.schema import problems
from data_synthesis.arenas.scoring import arguments_known, canonical, contains_answer, is_empty
from data_synthesis.arenas.settings import ProofSettings
from data_synthesis.arenas.source import read_source
from data_synthesis.arenas.specificity import guesses
from data_synthesis.records import Arena, ArenaTool, GoldCall


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: the check that failed, the reason as a code, and the particulars."""

    check: str
    reason: str
    detail: str


def static_findings(arena: Arena, settings: ProofSettings) -> Iterator[Finding]:
    """The checks `structure`, `names`, `question`, `code` (its literals) and `determinism` (its reads)."""
    for gold in arena.gold_calls:
        yield from _gold_call(gold, arena)
    yield from _dependencies(arena)
    yield from _follow_ups(arena)
    yield from _repeats(arena)
    yield from _answers_in_question(arena)
    for tool in [*arena.tools, *arena.distractors]:
        yield from tool_findings(tool)
    for tool in arena.tools:
        for gold in arena.gold_calls:
            if gold.tool == tool.name:
                yield from _literals(tool, gold, settings)


def label(gold: GoldCall) -> str:
    """A gold call as the reports name it."""
    return f"gold call {gold.id} (`{gold.tool}`)"


def _gold_call(gold: GoldCall, arena: Arena) -> Iterator[Finding]:
    spec = next((tool.spec for tool in arena.tools if tool.name == gold.tool), None)
    if spec is None:
        yield Finding("structure", "unknown_gold_tool", f"{label(gold)} is none of the arena's tools")
    if is_empty(gold.expected):
        yield Finding(
            "structure", "empty_answer", f"{label(gold)} expects {gold.expected!r}, which says nothing"
        )
    if not arguments_known(gold):
        yield Finding("structure", "arguments_unknown", f"{label(gold)} comes without its arguments")
    elif spec and (found := problems(gold.arguments, spec.parameters)):
        yield Finding("structure", "bad_gold_arguments", f"{label(gold)}: {'; '.join(found)}")


def _dependencies(arena: Arena) -> Iterator[Finding]:
    parents = {gold.id: gold.depends_on for gold in arena.gold_calls}
    if len(parents) < len(arena.gold_calls):
        yield Finding("structure", "bad_dependencies", "two gold calls have the same id")
    for child, ids in parents.items():
        if unknown := [parent for parent in ids if parent not in parents]:
            yield Finding(
                "structure", "bad_dependencies", f"gold call {child} depends on {unknown}, which do not exist"
            )
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        yield Finding("structure", "bad_dependencies", f"gold calls depend on each other: {error.args[1]}")


def _follow_ups(arena: Arena) -> Iterator[Finding]:
    revealed = {name for follow_up in arena.follow_ups for name in follow_up.reveals}
    if unknown := revealed - {tool.name for tool in arena.tools}:
        yield Finding("structure", "bad_follow_up", f"a follow-up reveals unknown tools: {sorted(unknown)}")
    fits = {
        "base": not arena.follow_ups,
        "missing_function": bool(revealed & {gold.tool for gold in arena.gold_calls}),
        "missing_parameter": bool(arena.follow_ups) and not revealed,
    }
    if not fits[arena.variant]:
        yield Finding(
            "structure", "bad_follow_up", f"the follow-ups do not fit the variant `{arena.variant}`"
        )


def _repeats(arena: Arena) -> Iterator[Finding]:
    names = Counter(tool.name for tool in [*arena.tools, *arena.distractors])
    if twice := sorted(name for name, count in names.items() if count > 1):
        yield Finding("names", "duplicate_tool_name", f"more than one tool is named: {', '.join(twice)}")
    known = [gold for gold in arena.gold_calls if arguments_known(gold)]
    calls = Counter((gold.tool, canonical(gold.arguments)) for gold in known)
    for (tool, arguments), count in calls.items():
        if count > 1:
            yield Finding(
                "structure", "duplicate_gold_call", f"{count} gold calls are `{tool}` with {arguments}"
            )


def _answers_in_question(arena: Arena) -> Iterator[Finding]:
    said = [arena.question, *(follow_up.content for follow_up in arena.follow_ups)]
    for gold in arena.gold_calls:
        if any(contains_answer(text, gold.expected) for text in said):
            detail = f"the user's words contain {gold.expected!r}, the answer of {label(gold)}"
            yield Finding("question", "answer_in_question", detail)


def tool_findings(tool: ArenaTool) -> Iterator[Finding]:
    """What is wrong with a tool, whether it is needed or not."""
    try:
        source = read_source(tool.source, tool.name)
    except ValueError as error:
        yield Finding("structure", "source_does_not_load", str(error))
        return
    yield from _signature(tool)
    if source.clock_or_random:
        detail = f"`{tool.name}` uses {', '.join(source.clock_or_random)}"
        yield Finding("determinism", "clock_or_random", detail)
    if source.of_the_process:
        yield Finding(
            "determinism", "non_deterministic", f"`{tool.name}` uses {', '.join(source.of_the_process)}"
        )


def _literals(tool: ArenaTool, gold: GoldCall, settings: ProofSettings) -> Iterator[Finding]:
    """The answer as a literal where the code knows nothing about its input."""
    try:
        source = read_source(tool.source, tool.name)
    except ValueError:
        return
    fields = _properties(tool).values()
    defaults = [field["default"] for field in fields if isinstance(field, dict) and "default" in field]
    found = []
    if any(contains_answer(default, gold.expected) for default in [*source.defaults, *defaults]):
        found.append(f"a default of `{tool.name}` is the answer of {label(gold)}")
    if contains_answer(list(source.returned), gold.expected):
        found.append(f"`{tool.name}` returns the answer of {label(gold)} as a literal")
    # A small number or a word such as "no" stands in many a place by chance; calls will tell.
    elif guesses(gold.expected) >= settings.guesses and contains_answer(
        list(source.fallbacks), gold.expected
    ):
        found.append(f"`{tool.name}` falls back to the answer of {label(gold)}")
    yield from (Finding("code", "answer_in_code_default", detail) for detail in found)


def _signature(tool: ArenaTool) -> Iterator[Finding]:
    source, fields = read_source(tool.source, tool.name), _properties(tool)
    required = tool.spec.parameters.get("required")
    promised = set(required) if isinstance(required, list) else set()
    if not source.open_ended and (extra := set(fields) - source.parameters):
        detail = f"the function `{tool.name}` does not take {sorted(extra)}, which its document offers"
        yield Finding("structure", "signature_mismatch", detail)
    if missing := source.required - promised:
        detail = f"the function `{tool.name}` needs {sorted(missing)}, which its document does not require"
        yield Finding("structure", "signature_mismatch", detail)


def _properties(tool: ArenaTool) -> dict:
    fields = tool.spec.parameters.get("properties")
    return fields if isinstance(fields, dict) else {}
