"""Upstream's transcripts: no call ids, and an assistant's text and each of its calls are messages of their own.

Results follow in the order of the calls, by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Message
from data_synthesis.trajectories.rows.json_texts import packed
from data_synthesis.trajectories.rows.messages import call_of, complaint, text_of
from data_synthesis.trajectories.rows.pairing import Said, paired


def to_transcript(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as upstream has them: results in the order of their calls, as only that says whose they are.

    Raises:
        Rejected: `result_without_call`, `call_without_result`.
    """
    out: list[dict[str, Any]] = []
    places: dict[str | None, tuple[int, str]] = {}
    results: list[tuple[int, dict[str, Any]]] = []
    for message in paired([Said(message) for message in messages]):
        if message.role == "tool":
            place, name = places[message.tool_call_id]
            results.append((place, {"role": "function", "name": name, "content": message.content}))
            continue
        out += [*_in_order(results), *_turn(message)]
        results = []
        places = {call.id: (place, call.name) for place, call in enumerate(message.tool_calls)}
    return out + _in_order(results)


def from_transcript(said: Sequence[Any], listed: Sequence[str]) -> list[Message]:
    """The messages of a transcript, with ids.

    Args:
        listed: the names of the tools.

    Raises:
        Rejected: `bad_message`, `bad_arguments`, `result_without_call`, `call_without_result`.
    """
    return paired(list(_joined([_read(message) for message in said], listed)))


def _in_order(results: Sequence[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [result for _, result in sorted(results, key=lambda result: result[0])]


def _turn(message: Message) -> Iterator[dict[str, Any]]:
    if message.role != "assistant":
        yield {"role": message.role, "content": message.content}
        return
    thought = message.reasoning_content or ""
    if message.content or thought or not message.tool_calls:
        yield {"role": "assistant", "content": message.content, "reasoning_content": thought}
    for call in message.tool_calls:
        function = {"name": call.name, "arguments": packed(call.arguments)}
        yield {"role": "assistant", "content": "", "reasoning_content": "", "function_call": function}


class _Function(BaseModel):
    name: str
    arguments: Any = None


class _UpstreamMessage(BaseModel):
    role: Literal["system", "user", "assistant", "function"]
    content: str | list[Any] | None = None
    reasoning_content: str | list[Any] | None = None
    name: str | None = None
    function_call: _Function | None = None


def _read(value: Any) -> _UpstreamMessage:
    try:
        return _UpstreamMessage.model_validate(value)
    except ValidationError as error:
        raise Rejected("bad_message", complaint(error)) from error


def _joined(messages: Sequence[_UpstreamMessage], listed: Sequence[str]) -> Iterator[Said]:
    """The messages of a turn as one: an assistant's text, which its calls follow."""
    turn: Message | None = None
    for each in messages:
        if turn and not each.function_call:
            yield Said(turn)
            turn = None
        if each.function_call:
            turn = _with_call(turn or Message(role="assistant"), each, listed)
        elif each.role == "assistant":
            turn = _plain(each, "assistant")
        elif each.role == "function":
            yield Said(_plain(each, "tool"), _listed_name(each.name or "", listed))
        else:
            yield Said(_plain(each, each.role))
    if turn:
        yield Said(turn)


def _plain(each: _UpstreamMessage, role: Literal["system", "user", "assistant", "tool"]) -> Message:
    thought = text_of(each.reasoning_content) or None
    return Message(role=role, content=text_of(each.content), reasoning_content=thought)


def _with_call(turn: Message, each: _UpstreamMessage, listed: Sequence[str]) -> Message:
    assert each.function_call
    name = _listed_name(each.function_call.name, listed)
    call, own = call_of(name, each.function_call.arguments), _plain(each, "assistant")
    thoughts = [turn.reasoning_content, own.reasoning_content]
    return turn.model_copy(
        update={
            "content": turn.content + own.content,
            "reasoning_content": "".join(thought for thought in thoughts if thought) or None,
            "tool_calls": [*turn.tool_calls, call],
        }
    )


def _listed_name(name: str, listed: Sequence[str]) -> str:
    """The name in the tool list: its agent framework calls a live server's tools `SERVER-TOOL`."""
    if name in listed:
        return name
    ends = [tool for tool in listed if name.endswith(f"-{tool}")]
    return max(ends, key=len, default=name)
