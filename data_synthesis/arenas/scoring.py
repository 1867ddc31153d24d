"""What an episode earned: which calls solved which sub-questions, and the paper's F1 over them.

A sub-question is solved by an executed call of its gold tool whose output contains the expected answer. Arguments are
not compared, because more than one spelling of them can be right; that wrong ones do not yield the answer is proved
before an arena is used (`proof.py`). What is left to a dumping tool or a repeating agent is taken away here: one call
solves at most one sub-question, a call that repeats an earlier one solves none, and every call costs precision.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from data_synthesis.arenas.text import normalise, number_token
from data_synthesis.records import GoldCall, RewardParts, ToolEvent


def contains_answer(output: JsonValue, expected: JsonValue) -> bool:
    """Whether a tool's output contains the expected answer.

    Numbers compare as numbers, text as whole tokens after normalisation (see `text.py`), booleans only with booleans
    and with the bare words `true` and `false`, null only with null. Of a list every element must be contained, of an
    object every value: under the same key where the output has that key, anywhere where it has not.
    Only values of the output count, its keys do not.

    Args:
        output: a JSON value, or text; text that is a JSON object or array is read as one.
        expected: the answer. One that says nothing (null, no letter or digit, an empty container) is never contained.
    """
    return not is_empty(expected) and _contains(_opened(output), expected)


def is_empty(expected: JsonValue) -> bool:
    """Whether an expected answer says nothing, so that no output can be said to contain it."""
    if isinstance(expected, str):
        return not normalise(expected)
    if isinstance(expected, dict):
        return all(map(is_empty, expected.values()))
    if isinstance(expected, list):
        return all(map(is_empty, expected))
    return expected is None


def f1(n: int, solved: int, calls: int) -> RewardParts:
    """The paper's trajectory reward in closed form, `2 * solved / (n + calls)`, in [0, 1].

    Args:
        n: sub-questions of the arena, at least 1.
        solved: sub-questions solved by distinct calls, at most `n` and at most `calls`.
        calls: calls made, refused and failed ones included.

    Source: ASTRA (arXiv 2601.21558), trajectory reward, without its division by `calls + eps`.
    """
    if not (n >= 1 and 0 <= solved <= min(n, calls)):
        raise ValueError(f"no such score: {solved} of {n} sub-questions solved by {calls} calls")
    return RewardParts(
        n=n,
        solved=solved,
        calls=calls,
        recall=solved / n,
        precision=solved / calls if calls else 0.0,
        f1=2 * solved / (n + calls),
    )


def match(gold_calls: Sequence[GoldCall], events: Sequence[ToolEvent]) -> dict[int, int]:
    """Event index -> id of the gold call it solved: a maximum matching that prefers the earliest events."""
    solvable = [[gold for gold in gold_calls if _solves(event, gold)] for event in _without_repeats(events)]
    solver: dict[int, int] = {}  # gold id -> event index

    def place(event: int, visited: set[int]) -> bool:
        for gold in solvable[event]:
            if gold.id in visited:
                continue
            visited.add(gold.id)
            if gold.id not in solver or place(solver[gold.id], visited):
                solver[gold.id] = event
                return True
        return False

    for event in range(len(events)):
        place(event, set())
    return {event: gold_id for gold_id, event in sorted(solver.items(), key=lambda pair: pair[1])}


def score(gold_calls: Sequence[GoldCall], events: Sequence[ToolEvent]) -> RewardParts:
    """The reward of an episode's events, every one of which counts as a call."""
    return f1(len(gold_calls), len(match(gold_calls, events)), len(events))


def canonical(value: JsonValue) -> str:
    """JSON text that is equal for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _without_repeats(events: Sequence[ToolEvent]) -> list[ToolEvent | None]:
    seen: set[tuple[str, str]] = set()
    kept: list[ToolEvent | None] = []
    for event in events:
        call = (event.name, canonical(event.arguments))
        kept.append(event if event.status == "ok" and call not in seen else None)
        seen.add(call)
    return kept


def _solves(event: ToolEvent | None, gold: GoldCall) -> bool:
    return (
        event is not None
        and event.name == gold.tool
        and contains_answer(_loaded(event.output), gold.expected)
    )


def _loaded(text: str) -> JsonValue:
    """The JSON value of an observation; a truncated one stays text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _opened(output: JsonValue) -> JsonValue:
    if isinstance(output, str) and output.lstrip()[:1] in ("{", "["):
        return _loaded(output)
    return output


def _contains(output: JsonValue, expected: JsonValue) -> bool:
    if isinstance(expected, dict):
        return all(_contains_under(output, key, value) for key, value in expected.items())
    if isinstance(expected, list):
        return all(_contains(output, element) for element in expected)
    if expected is None:
        return any(leaf is None for leaf in _leaves(output))
    if isinstance(expected, bool):
        word = str(expected).lower()
        return any(
            leaf is expected or (isinstance(leaf, str) and normalise(leaf) == word)
            for leaf in _leaves(output)
        )
    wanted = _tokens(expected)
    if not wanted:
        return any(isinstance(leaf, str) and not normalise(leaf) for leaf in _leaves(output))
    return any(f" {wanted} " in f" {_tokens(leaf)} " for leaf in _leaves(output))


def _contains_under(output: JsonValue, key: str, expected: JsonValue) -> bool:
    places = list(_values_under(output, normalise(key)))
    return any(_contains(place, expected) for place in places or [output])


def _tokens(leaf: JsonValue) -> str:
    if isinstance(leaf, bool):
        return str(leaf).lower()
    if isinstance(leaf, int | float):
        return number_token(leaf)
    return normalise(leaf) if isinstance(leaf, str) else ""


def _nodes(value: JsonValue) -> Iterator[JsonValue]:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    return (node for node in _nodes(value) if not isinstance(node, dict | list))


def _values_under(value: JsonValue, key: str) -> Iterator[JsonValue]:
    for node in _nodes(value):
        if isinstance(node, dict):
            yield from (inner for name, inner in node.items() if normalise(name) == key)
