"""What a worker in another process does: it carries records through stages of its own, and tells how each ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from data_synthesis.pipeline.agenda import Work
from data_synthesis.pipeline.journal import Entry, PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.settling import Policy, settle
from data_synthesis.pipeline.stage import Stage

MakeStages = Callable[[], Sequence[Stage[Any]]]


class Worker:
    """Carries batches of records through the stages `names`, of those that `make_stages` gives.

    Args:
        make_stages: called once, here: teachers and sandboxes hold connections and processes, which do not travel.
            Nor do they like other threads than their event loop's, so it is called with the first batch.
        policy: its concurrency is that of this worker.
    """

    def __init__(self, make_stages: MakeStages, names: Sequence[str], policy: Policy):
        self._make_stages, self._names, self._policy = make_stages, names, policy
        self._room = asyncio.Semaphore(policy.concurrency)

    @cached_property
    def _stages(self) -> Sequence[Stage[Any]]:
        try:
            made = {stage.name: stage for stage in self._make_stages()}
        except Exception as error:
            raise PipelineError(f"a worker cannot begin: {type(error).__name__}: {error}") from error
        return [made[name] for name in self._names]

    async def carry(self, batch: Sequence[str]) -> list[str]:
        """Each line of `batch` is a record before a stage; those that come back are what was settled, each parent
        before its children. Where nothing can be settled any more the last one says why.
        """
        settled: list[str] = []
        seen: set[tuple[int, str]] = set()

        async def carry(work: Work) -> None:
            if (work.level, work.id) in seen:
                return
            seen.add((work.level, work.id))
            async with self._room:
                outcome = await settle(work.value, stages[work.level], self._policy)
            entry = {**vars(outcome), "fingerprint": work.fingerprint}
            settled.append(json_line({"level": work.level, "entry": entry}))
            if (level := work.level + 1) < len(stages):
                await _all(carry(Work.of(value, level)) for value in outcome.outputs)

        try:
            stages = self._stages
            await _all(carry(unpacked(line)) for line in batch)
        except PipelineError as gone:
            settled.append(json_line({"gone": str(gone)}))
        return settled


def packed(work: Work) -> str:
    return json_line({"level": work.level, "value": work.value})


def unpacked(line: str) -> Work:
    read = json.loads(line)
    return Work.of(read["value"], read["level"])


def settled_in(line: str) -> tuple[int, Entry]:
    """The stage and the outcome that a line of `Worker.carry` tells of.

    Raises:
        PipelineError: it says that nothing can be settled any more.
    """
    read = json.loads(line)
    if "gone" in read:
        raise PipelineError(read["gone"])
    return read["level"], Entry.model_validate(read["entry"])


async def _all(jobs: Any) -> None:
    """Runs the jobs together; the first error cancels the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
