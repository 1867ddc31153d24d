"""The same work wanted by several at once is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class _Job(Generic[T]):
    task: asyncio.Task[T]
    wanted_by: int = 0


class Joined(Generic[T]):
    """Work under keys, each done by a task of its own for all who wait for it, and cancelled when the last one leaves.

    Nothing is remembered: who comes after the end begins again.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, _Job[T]] = {}

    async def result(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `work`, or the work that is being done under `key`, returns or raises."""
        if key not in self._jobs:
            self._jobs[key] = _Job(asyncio.create_task(work()))
        job = self._jobs[key]
        job.wanted_by += 1
        try:
            return await asyncio.shield(job.task)
        finally:
            job.wanted_by -= 1
            if self._jobs.get(key) is job and (job.task.done() or not job.wanted_by):
                del self._jobs[key]  # at once, so that nobody joins what has ended, or is cancelled below
            if not job.wanted_by:
                job.task.cancel()
