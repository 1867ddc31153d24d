"""The benchmark's tasks, environments and evaluators, which live in an environment of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astra_jax.evaluation.tau2.records import Role
from astra_jax.evaluation.worker import Program, Worker, WorkerPool
from data_synthesis.records import ToolCall

_SCRIPT = Path(__file__).with_name("worker_program.py")
DOMAINS = ("airline", "retail", "telecom")


@dataclass(frozen=True)
class Opening:
    """How a simulation begins, and what bounds it.

    Args:
        first: what the agent says before anybody else.
        stops: words of the user that end it.
        most_steps: messages; most_errors: of tool calls.
    """

    agent: Role
    user: Role
    first: str
    stops: tuple[str, ...]
    most_steps: int
    most_errors: int


@dataclass(frozen=True)
class Answer:
    content: str
    error: bool


class Simulation:
    """The environment of one simulation. Raises, from all: WorkerFailed, with all that it held."""

    def __init__(self, worker: Worker, domain: str, task: str):
        self._worker, self._where = worker, {"domain": domain, "task": task}

    async def open(self) -> Opening:
        told = await self._worker.ask("open", **self._where)
        agent, user = Role.of(told.pop("agent")), Role.of(told.pop("user"))
        return Opening(agent, user, **{**told, "stops": tuple(told["stops"])})

    async def call(self, requestor: str, calls: Sequence[ToolCall]) -> list[Answer]:
        sent = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls]
        return [Answer(**each) for each in await self._worker.ask("call", requestor=requestor, calls=sent)]

    async def evaluate(self, messages: Sequence[dict[str, Any]], ended: str) -> dict[str, Any]:
        """`{"reward", "parts"}` of the whole simulation."""
        return await self._worker.ask("evaluate", **self._where, messages=list(messages), ended=ended)

    async def golden(self) -> dict[str, Any]:
        """`{"actions": [{"requestor", "name", "arguments"}], "tell": [text]}`."""
        return await self._worker.ask("golden", **self._where)


class Tau2World:
    """As many simulations at once as it has workers: each has one for itself."""

    def __init__(self, python: str | Path, workers: int = 4, deadline_s: float = 120.0):
        """
        Raises:
            FileNotFoundError: the environment is not there.
        """
        program = Program("tau2-bench", Path(python), _SCRIPT, "make tau2", deadline_s=deadline_s)
        self._pool, self.at_once = WorkerPool(program, workers), workers

    async def tasks(self, domain: str) -> list[str]:
        return await self._pool.ask("tasks", domain=domain)

    @asynccontextmanager
    async def simulation(self, domain: str, task: str) -> AsyncIterator[Simulation]:
        async with self._pool.lease() as worker:
            yield Simulation(worker, domain, task)

    async def close(self) -> None:
        await self._pool.close()
