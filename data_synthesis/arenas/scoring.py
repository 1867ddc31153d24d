"""What an episode earned: which calls solved which sub-questions, and the paper's F1 over them.

A sub-question is solved by an executed call of its gold tool whose output contains the expected answer. Arguments are
not compared, because more than one spelling of them can be right; that wrong ones do not yield the answer is proved
before an arena is used (`proof.py`). What is left to a dumping tool or to a repeating agent is taken away here: one
call solves at most one sub-question, a call that repeats an earlier one solves none, an echo of the call's own
argument solves nothing, and every call costs precision.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

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


def solves(gold: GoldCall, arguments: Mapping[str, JsonValue], output: JsonValue) -> bool:
    """Whether a call of the gold tool with `arguments`, which returned `output`, solved the sub-question.

    An argument that is not the gold call's own does not count when the output merely repeats it under its name: an
    agent must not get the answer back that it put in.
    """
    echo = {name: value for name, value in arguments.items() if gold.arguments.get(name) != value}
    if echo and arguments_known(gold):
        output = _without(_opened(output), echo)
    return contains_answer(output, gold.expected)


def arguments_known(gold: GoldCall) -> bool:
    """Whether a gold call says with which arguments it is made; those read from released RL rows do not."""
    return (gold.model_extra or {}).get("arguments_known", True) is not False


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
    candidates = _without_repeats(events)
    solvable = [[gold for gold in gold_calls if event and _solved_by(event, gold)] for event in candidates]
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


def scalar_text(scalar: JsonValue) -> str:
    """The form in which scalars are compared: text normalised, numbers and booleans as one token, null as nothing."""
    if isinstance(scalar, bool):
        return str(scalar).lower()
    if isinstance(scalar, int | float):
        return number_token(scalar)
    return normalise(scalar) if isinstance(scalar, str) else ""


def flattened(value: JsonValue) -> str:
    """All scalars and keys of a value in that form, each after ` | ` and before ` | `."""
    keys = [key for node in _nodes(value) if isinstance(node, dict) for key in node]
    return "".join(f" | {scalar_text(scalar)}" for scalar in [*leaves(value), *keys]) + " | "


def canonical(value: JsonValue) -> str:
    """JSON text that is equal for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _without_repeats(events: Sequence[ToolEvent]) -> list[ToolEvent | None]:
    """The executed events, without those that repeat an earlier executed call."""
    seen: set[tuple[str, str]] = set()
    kept: list[ToolEvent | None] = []
    for event in events:
        call = (event.name, canonical(event.arguments))
        kept.append(event if event.status == "ok" and call not in seen else None)
        if event.status == "ok":
            seen.add(call)
    return kept


def _solved_by(event: ToolEvent, gold: GoldCall) -> bool:
    arguments = event.arguments if isinstance(event.arguments, dict) else {}
    return event.name == gold.tool and solves(gold, arguments, _loaded(event.output))


def _without(value: JsonValue, echo: Mapping[str, JsonValue]) -> JsonValue:
    """The value without the fields that repeat an argument under its own name."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name not in echo or inner != echo[name]}
        return {name: _without(inner, echo) for name, inner in kept.items()}
    return [_without(inner, echo) for inner in value] if isinstance(value, list) else value


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
        return any(leaf is None for leaf in leaves(output))
    if isinstance(expected, bool):
        word = str(expected).lower()
        return any(
            leaf is expected or (isinstance(leaf, str) and normalise(leaf) == word) for leaf in leaves(output)
        )
    wanted = scalar_text(expected)
    if not wanted:
        return any(isinstance(leaf, str) and not normalise(leaf) for leaf in leaves(output))
    return any(f" {wanted} " in f" {scalar_text(leaf)} " for leaf in leaves(output))


def _contains_under(output: JsonValue, key: str, expected: JsonValue) -> bool:
    places = list(_values_under(output, normalise(key)))
    return any(_contains(place, expected) for place in places or [output])


def _nodes(value: JsonValue) -> Iterator[JsonValue]:
    waiting = [value]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def leaves(value: JsonValue) -> Iterator[JsonValue]:
    """The scalars of a value."""
    return (node for node in _nodes(value) if not isinstance(node, dict | list))


def _values_under(value: JsonValue, key: str) -> Iterator[JsonValue]:
    for node in _nodes(value):
        if isinstance(node, dict):
            yield from (inner for name, inner in node.items() if normalise(name) == key)
