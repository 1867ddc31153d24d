"""Stages on a Ray cluster: Ray Data carries the records to workers, and this process keeps the journals."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from data_synthesis.pipeline.agenda import Agenda, Work
from data_synthesis.pipeline.execution import Executor
from data_synthesis.pipeline.journal import Entry, PipelineError
from data_synthesis.pipeline.ray_driver import Cluster, Order, drive
from data_synthesis.pipeline.settling import Policy
from data_synthesis.pipeline.stage import Stage
from data_synthesis.pipeline.worker import MakeStages, packed, settled_in

_AT_ONCE = 2048  # records of one data set: all that is held in memory
_START_SECONDS = 180.0
_STOP_SECONDS = 20.0

Answer = list[str] | str | None  # of the driver: what was settled, why there is no more, or the end


class RayCluster:
    """Workers that are Ray actors, for as long as the context lasts.

    A worker carries a record through all stages. Two records with one id may both be worked on where different
    workers meet them; the files come out as those of one process. A worker that dies is replaced, and what it had
    in work is done again.

    Args:
        workers: processes. Each takes one of the cluster's CPUs, and its share of the policy's concurrency.
        log: file for what Ray says.
        address: of a cluster that runs, such as `auto`; empty starts one on this machine, and ends it.

    Raises:
        PipelineError: Ray is not installed, or there is no such cluster.
    """

    def __init__(self, workers: int, log: Path, address: str = ""):
        self._cluster = Cluster(workers, address, log)
        self._orders, self._idle = 0, True
        # The number of the order in work, and who hears of it.
        self._wanted: tuple[int, Callable[[Answer], object]] | None = None

    def __enter__(self) -> RayCluster:
        if find_spec("ray") is None:
            raise PipelineError("stages on a Ray cluster need Ray: pip install 'astra-jax[ray]'")
        self._cluster.log.parent.mkdir(parents=True, exist_ok=True)
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._driver = spawn.Process(target=drive, args=(theirs, self._cluster), daemon=True)
        self._driver.start()
        theirs.close()
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        threading.Thread(target=self._receive, daemon=True).start()  # a daemon: Ctrl-C must not wait for it
        return self

    def __exit__(self, *_: object) -> None:
        if self._idle:
            with contextlib.suppress(OSError):
                self._connection.send(None)
        else:
            self._driver.terminate()
        self._driver.join(_STOP_SECONDS)
        assert self._driver.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(
                self._driver.pid, signal.SIGKILL
            )  # what Ray has not stopped of itself and of its cluster
        self._driver.join()
        self._connection.close()

    def _wait_until_ready(self) -> None:
        if not self._connection.poll(_START_SECONDS):
            raise self._failed(f"it did not start within {_START_SECONDS:g} s")
        try:
            _, problem = self._connection.recv()
        except EOFError:
            raise self._failed("it did not start") from None
        if problem is not None:
            raise self._failed(problem)

    def _receive(self) -> None:
        """Passes answers on to whoever waits for them, as long as the driver lives."""
        with contextlib.suppress(EOFError, OSError, TypeError):  # the last two where it is closed meanwhile
            while True:
                number, answer = self._connection.recv()
                self._pass_on(number, answer)
        self._pass_on(self._orders, "its driver ended, as it does when the cluster is lost")

    def _pass_on(self, number: int, answer: Answer) -> None:
        if self._wanted and self._wanted[0] == number:
            with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits
                self._wanted[1](answer)

    def executor(self, make_stages: MakeStages) -> Executor:
        """Executes on this cluster, with the stages that `make_stages` gives each worker.

        Args:
            make_stages: is sent by pickle, so it comes from a module that workers can import. What it gives bears
                the names of the stages that are run.
        """
        return partial(self._execute, make_stages)

    async def _execute(
        self, make_stages: MakeStages, agenda: Agenda, stages: Sequence[Stage[Any]], policy: Policy
    ) -> None:
        names = [stage.name for stage in stages]
        begun: list[Work] = []  # whose turn comes with the next data set
        while works := [*begun, *islice(_open(agenda), _AT_ONCE)]:
            begun = []
            roots = {(work.level, work.id): work for work in works}
            self._orders += 1
            order = Order(self._orders, [packed(work) for work in works], make_stages, names, policy)
            async for lines in self._carried_out(order):
                _settle(agenda, roots, lines)
                begun += _open(agenda, new=False)
            if roots:
                raise self._failed(f"{len(roots)} records did not come back")

    async def _carried_out(self, order: Order) -> AsyncIterator[list[str]]:
        """What the workers settled, batch by batch, as `Worker.carry` tells it."""
        arrived: asyncio.Queue[Answer] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self._wanted = order.number, partial(loop.call_soon_threadsafe, arrived.put_nowait)
        self._idle = False
        try:
            self._connection.send(order)
        except OSError:
            raise self._failed("its driver has ended") from None
        while (answer := await arrived.get()) is not None:
            if isinstance(answer, str):
                raise self._failed(answer)
            yield answer
        self._idle = True

    def _failed(self, why: str) -> PipelineError:
        return PipelineError(
            f"Ray failed: {why} ({self._cluster.log} has what it said); what was finished is kept, "
            "so run the same command again"
        )


def _open(agenda: Agenda, *, new: bool = True) -> Iterator[Work]:
    while (work := agenda.take(new=new)) is not None:
        if agenda.is_open(work):
            yield work


def _settle(agenda: Agenda, roots: dict[tuple[int, str], Work], lines: Sequence[str]) -> None:
    """Writes down what `lines` tell, and takes the records that the workers were given out of `roots`.

    What became of a record's outputs is written down before they come on the agenda, where they are then settled.
    """
    done: list[tuple[Work, Entry]] = []
    try:
        for line in lines:
            level, entry = settled_in(line)
            root = roots.get((level, entry.input_id))
            if root and root.fingerprint == entry.fingerprint:
                done.append((roots.pop((level, entry.input_id)), entry))
            else:
                agenda.keep(level, entry)
    finally:
        for work, entry in done:
            agenda.settle(work, entry)
