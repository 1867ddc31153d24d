"""Failures made up on purpose: a share of emulated calls does not go well, and the record says so."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from data_synthesis.records import RunEvent, content_hash

Kind = Literal["timeout", "unreachable", "server_error", "rate_limited", "partial"]

_SAID: dict[Kind, str] = {
    "timeout": "Error: the request to the service timed out after 30 s.",
    "unreachable": "Error: the service is unreachable (connection refused).",
    "server_error": "Error: the service answered 503 Service Unavailable.",
    "rate_limited": "Error: rate limit exceeded (429), try again later.",
    "partial": "Error: the connection was closed before the result was complete. Received so far: ",
}


@dataclass(frozen=True)
class Injector:
    """Decides by a hash of the seed, the task and the place of the call, so neither by time nor by other calls.

    Args:
        rate: share of calls that fail. Paper: 0.2.

    Raises:
        ValueError: a rate that is none.
    """

    rate: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"the rate of failures must be from 0 to 1, not {self.rate!r}")

    def drawn(self, task_id: str, place: int) -> Kind | None:
        """How call number `place` of a run fails, or null where it does not."""
        rng = random.Random(content_hash([self.seed, task_id, place]))
        return rng.choice(tuple(_SAID)) if rng.random() < self.rate else None


def failed(event: RunEvent, kind: Kind) -> RunEvent:
    """`event`, as the agent sees it after the failure. A partial result is the first half of what there was."""
    half = event.output[: len(event.output) // 2] if kind == "partial" else ""
    return event.model_copy(update={"output": _SAID[kind] + half, "status": kind, "injected": kind})
