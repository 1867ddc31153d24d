"""Doing what is on an agenda: here, in this process's event loop, or wherever another executor does it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from data_synthesis.pipeline.agenda import Agenda, Work
from data_synthesis.pipeline.settling import Policy, settle
from data_synthesis.pipeline.stage import Stage
from data_synthesis.teacher.turn import TURN

_REPLAYED_AT_ONCE = 100  # settled records looked at before the event loop gets a turn


class Executor(Protocol):
    """Works until nothing is left on `agenda`, whose levels are the indices of `stages`.

    Raises:
        PipelineError: the run cannot go on; nothing is in work any more, and what was settled is written down.
    """

    async def __call__(self, agenda: Agenda, stages: Sequence[Stage[Any]], policy: Policy) -> None: ...


async def execute_here(agenda: Agenda, stages: Sequence[Stage[Any]], policy: Policy) -> None:
    """An `Executor` that works on at most `policy.concurrency` records at a time."""
    working, replayed = 0, 0
    done = asyncio.Event()

    async def work_on(work: Work) -> None:
        nonlocal working
        TURN.set(work.turn)
        agenda.settle(work, await settle(work.value, stages[work.level], policy))
        working -= 1
        done.set()

    try:
        async with asyncio.TaskGroup() as group:
            while True:
                work = agenda.take() if working < policy.concurrency else None
                if work is None:
                    if not working:
                        return
                    done.clear()
                    await done.wait()
                elif agenda.is_open(work):
                    working += 1
                    group.create_task(work_on(work))
                elif (replayed := replayed + 1) % _REPLAYED_AT_ONCE == 0:
                    await asyncio.sleep(0)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
