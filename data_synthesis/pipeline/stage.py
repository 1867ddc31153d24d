"""A stage: an async function from one record to zero or more records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import JsonValue

from data_synthesis.records import Record

Taken = TypeVar("Taken", bound=Record)


class Lost(Exception):
    """The record goes no further.

    Args:
        reason: a code.
        kept: what the stage made of it all the same, which goes to the rejects.
    """

    def __init__(self, reason: str, detail: str = "", kept: Record | None = None):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.kept = reason, detail, kept


class Rejected(Lost):
    """A verdict on the record. Not a failure of the stage, so it is never retried."""


class Undecided(Lost):
    """No verdict: the next run tries again."""


@dataclass(frozen=True)
class Stage(Generic[Taken]):
    """`run` raises `Rejected` for a record that is no good, and anything else where it could not tell.

    Args:
        name: of its files; no two stages of one folder share one.
        takes: what its inputs must validate as.
        settings: what the output depends on beside the input: a run with other settings is another run, and
            refuses to go on in the same folder.
        remembered: whether the next run keeps what this one settled. False for a cheap verdict that depends on
            more than its input, such as a cut at a quantile of all of them.
    """

    name: str
    takes: type[Taken]
    run: Callable[[Taken], Awaitable[Sequence[Record]]]
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    remembered: bool = True
