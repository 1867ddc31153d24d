"""The process that talks to Ray, apart from the pipeline's: a cluster that is lost takes its driver with it.

It is given data sets of records through a pipe, and sends back what the workers settled, batch by batch.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data_synthesis.pipeline.settling import Policy
from data_synthesis.pipeline.worker import MakeStages, Worker

_BATCH = 8  # records that travel, and come back, together
_DEATHS = 10  # a worker and data set; Ray replaces workers for ever, also those that a record always kills
_START_SECONDS = 300  # that a first worker may take to find a place
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Cluster:
    """Where workers run: `address` is that of a cluster, or empty for one of this process's own; `log` takes what
    Ray says.
    """

    workers: int
    address: str
    log: Path


@dataclass(frozen=True)
class Order:
    """Records, as `packed`, to be carried through the stages `names` of those that workers make. A later order
    takes the place of one that is not done.
    """

    number: int

    records: Sequence[str]
    make_stages: MakeStages
    names: Sequence[str]
    policy: Policy


def drive(connection: Connection, cluster: Cluster) -> None:
    """Main of the process. It sends `(number, answer)` pairs: for each `Order` lists of lines as `Worker.carry` gives
    them and then `None`, or a text that says why there is no more; and first, with the number 0, either of these when
    Ray is there or cannot be. It ends when the order is `None`, or the other side has ended.
    """
    _stand_apart(cluster)
    try:
        _connect(cluster)
    except Exception as error:
        connection.send((0, f"no cluster at {cluster.address or 'this machine'}: {_last_line(error)}"))
        return
    connection.send((0, None))
    with suppress(EOFError, BrokenPipeError):
        while (order := connection.recv()) is not None:
            _carry_out(order, connection, cluster)
    import ray

    ray.shutdown()


def _stand_apart(cluster: Cluster) -> None:
    """In a group of its own, silent, and gone as soon as the pipeline is."""
    os.setpgrp()
    log = os.open(cluster.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    pipeline = multiprocessing.parent_process()
    assert pipeline is not None

    def follow() -> None:
        pipeline.join()
        os.kill(os.getpid(), signal.SIGTERM)  # Ray then stops its processes
        time.sleep(_STOP_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=follow, daemon=True).start()


def _connect(cluster: Cluster) -> None:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # workers import what this process can
    import ray

    where: dict[str, Any] = {"address": cluster.address} if cluster.address else {"num_cpus": cluster.workers}
    ray.init(**where, include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)


def _carry_out(order: Order, connection: Connection, cluster: Cluster) -> None:
    try:
        for lines in _settled(order, cluster):
            connection.send((order.number, lines))
            if connection.poll():  # another order, or nobody is there any more
                return
        connection.send((order.number, None))
    except BrokenPipeError:
        raise
    except Exception as error:
        logging.exception("the data set failed")
        connection.send((order.number, _last_line(error)))


def _settled(order: Order, cluster: Cluster) -> Iterator[list[str]]:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    context.wait_for_min_actors_s = _START_SECONDS
    at_once = math.ceil(order.policy.concurrency / cluster.workers)  # records that one worker works on
    calls = math.ceil(at_once / _BATCH) + 1  # one more, for batches that wait for their slowest record
    deaths = ray.remote(num_cpus=0)(_Deaths).remote(_DEATHS * cluster.workers)
    rows = [{"record": record} for record in order.records]
    dataset = ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / _BATCH)).map_batches(
        _Actor,
        fn_constructor_args=(
            deaths,
            order.make_stages,
            order.names,
            replace(order.policy, concurrency=at_once),
        ),
        compute=ray.data.ActorPoolStrategy(
            min_size=1,
            max_size=cluster.workers,
            initial_size=cluster.workers,
            max_concurrent_calls_per_actor=calls,
            max_tasks_in_flight_per_actor=2 * calls,
        ),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=1,
    )
    batches: Iterator[Any] = iter(
        dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    )
    for batch in batches:
        yield batch["settled"].to_pylist()


class _Deaths:
    """Counts the workers that died, for those that take their places."""

    def __init__(self, most: int):
        self._most, self._count = most, 0

    def add(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise RuntimeError(f"workers died {self._count} times, so a record may be what kills them")


class _Actor:
    """A worker as Ray Data calls it: all calls in one event loop."""

    def __init__(self, deaths: Any, *arguments: Any):
        import ray

        if ray.get_runtime_context().was_current_actor_reconstructed:
            ray.get(deaths.add.remote())
        self._worker = Worker(*arguments)

    async def __call__(self, batch: Any) -> dict[str, list[str]]:
        return {"settled": await self._worker.carry(batch["record"].to_pylist())}


def _last_line(error: Exception) -> str:
    """The last line that names an error, or the last at all: Ray puts the traces of its processes before it, and
    advice behind it.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line)]
    return (errors or lines)[-1][:300]
