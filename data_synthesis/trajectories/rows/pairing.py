"""Gives every call of a transcript an id of its own, and every result the id of its call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Message, ToolCall


@dataclass(frozen=True)
class Said:
    """A message as it was read. Ids may be missing or repeated; `of` names the tool of a result, where known."""

    message: Message
    of: str = ""


def paired(said: Sequence[Said]) -> list[Message]:
    """The messages with unique ids: those that were read where they are, else `call_TURN_PLACE`, as our runs have them.

    A result belongs to the first call of the last turn that has no result yet and has its id; where either has none, to
    the first of its tool; where that is unknown too, to the first. The calls of the last turn of all may have no
    results.

    Raises:
        Rejected: `result_without_call`, `call_without_result`.
    """
    return list(_paired(said))


def check_paired(messages: Sequence[Message]) -> None:
    """Whether every call has its result before anything else is said, and every result its call.

    Raises:
        Rejected: `result_without_call`, `call_without_result`.
    """
    for _ in _paired([Said(message) for message in messages]):
        pass


@dataclass(frozen=True)
class _Open:
    """A call without a result: as it was read, and the id it gets."""

    call: ToolCall
    id: str


def _paired(said: Sequence[Said]) -> Iterator[Message]:
    keep_ids = _unique([call.id for each in said for call in each.message.tool_calls])
    waiting: list[_Open] = []
    turn = 0
    for number, each in enumerate(said, 1):
        if each.message.role == "tool":
            found = _call_of(each, waiting, number)
            waiting.remove(found)
            yield each.message.model_copy(update={"tool_call_id": found.id})
            continue
        if waiting:
            raise Rejected("call_without_result", f"message {number} comes before {_names(waiting)} answered")
        turn += each.message.role == "assistant"
        waiting = [
            _Open(call, call.id if keep_ids else f"call_{turn}_{place}")
            for place, call in enumerate(each.message.tool_calls, 1)
        ]
        calls = [each.call.model_copy(update={"id": each.id}) for each in waiting]
        yield each.message.model_copy(update={"tool_calls": calls})


def _unique(ids: Sequence[str]) -> bool:
    return all(ids) and len(ids) == len(set(ids))


def _call_of(result: Said, waiting: Sequence[_Open], number: int) -> _Open:
    wanted = result.message.tool_call_id
    by_id = bool(wanted) and all(each.call.id for each in waiting)
    for each in waiting:
        if each.call.id == wanted if by_id else result.of in ("", each.call.name):
            return each
    of = f" of {result.of}" if result.of else f" of call {wanted}" if wanted else ""
    raise Rejected("result_without_call", f"message {number} is a result{of}, and no such call waits for one")


def _names(waiting: Sequence[_Open]) -> str:
    return ", ".join(each.call.name for each in waiting) + (" is" if len(waiting) == 1 else " are")
