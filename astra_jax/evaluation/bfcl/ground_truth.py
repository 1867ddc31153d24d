"""The ground truth as a contestant: what it scores says whether this path and the official one agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from astra_jax.evaluation.bfcl.records import BfclItem
from astra_jax.evaluation.contestant import Reply
from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Message, ToolSpec

Turn = list[dict[str, Any]]  # calls


class GroundTruth:
    """Makes the calls of each turn in one step, and says nothing else.

    Args:
        answers: by item, as `BfclWorld.answers` gives them.
        truncated: leaves out the last call of each item, so that it must fail.
    """

    def __init__(
        self, items: Sequence[BfclItem], answers: Mapping[str, Any], *, truncated: bool = False
    ) -> None:
        self.name = "truncated ground truth" if truncated else "ground truth"
        self._turns = {item.id: _turns(item, answers.get(item.id)) for item in items}
        if truncated:
            for turns in self._turns.values():
                _drop_last_call(turns)

    def open(self, item: str, seed: int) -> _Recital:
        return _Recital(self._turns[item])

    async def close(self) -> None:
        """Holds nothing."""


class _Recital:
    def __init__(self, turns: Sequence[Turn]):
        self._replies = _replies(turns)

    async def reply(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        return next(self._replies)

    def close(self) -> None:
        """Holds nothing."""


def _replies(turns: Sequence[Turn]) -> Iterator[Reply]:
    for turn in turns:
        if turn:
            yield Reply(calls=[ParsedCall("", call["name"], call["arguments"]) for call in turn])
        yield Reply()


def _drop_last_call(turns: Sequence[Turn]) -> None:
    last = next((turn for turn in reversed(turns) if turn), None)
    if last is not None:
        del last[-1]


def _turns(item: BfclItem, answer: Any) -> list[Turn]:
    if item.multi_turn:
        return [list(turn) for turn in answer]
    if answer is None:  # of what is relevant, any call will do
        relevant = item.category.endswith("_relevance")
        return [[{"name": item.tools[0].name, "arguments": {}}] if relevant else []]
    as_text = item.category in ("simple_java", "simple_javascript")
    return [[_acceptable_call(call, item, as_text) for call in answer]]


def _acceptable_call(answer: Mapping[str, Any], item: BfclItem, as_text: bool) -> dict[str, Any]:
    """Each documented parameter with the first value that it may have.

    Args:
        as_text: values of other languages are source code; JSON spells most of them alike.
    """
    ((name, parameters),) = answer.items()
    name = name.replace(".", "_")
    document: Any = next(tool for tool in item.tools if tool.name == name).parameters
    documented = {key: allowed for key, allowed in parameters.items() if key in document["properties"]}
    arguments = _fields(documented, document["required"])
    if as_text:
        arguments = {k: v if isinstance(v, str) else json.dumps(v) for k, v in arguments.items()}
    return {"name": name, "arguments": arguments}


def _fields(allowed: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Fields with the first of the values that they may have.

    An empty text among those says that the field may be left out. It is, where there is no other value, unless the
    field is required: then the text is the value. With no value at all there is nothing to give.
    """
    chosen = {}
    for key, values in allowed.items():
        values = values if isinstance(values, list) else [values]
        given = [value for value in values if value != ""] or (values if key in required else [])
        if given:
            chosen[key] = _value(given[0])
    return chosen


def _value(allowed: Any) -> Any:
    """Fields of an object have lists of what they may be in their turn."""
    if isinstance(allowed, dict):
        return _fields(allowed)
    return [_value(each) for each in allowed] if isinstance(allowed, list) else allowed
