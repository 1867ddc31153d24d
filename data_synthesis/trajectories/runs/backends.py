"""The tools of a run, by how its server is reached."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

from pydantic import JsonValue

from data_synthesis.mcp.pool import SessionPool
from data_synthesis.records import Task, ToolServer
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.runs.code_backend import CodeBackend
from data_synthesis.trajectories.runs.emulated import EmulatedBackend, EmulatorSettings
from data_synthesis.trajectories.runs.failures import Injector
from data_synthesis.trajectories.runs.interface import RunBackend
from data_synthesis.trajectories.runs.mcp_backend import McpBackend


@dataclass(frozen=True)
class Backends:
    """
    Args:
        emulator: is the tools that cannot be run.
        sandbox: runs tools that are code.
        pool: gives sessions of real servers.
        injector: makes emulated calls fail.
        call_deadline: seconds of one call of a real tool.
    """

    emulator: Teacher
    sandbox: Sandbox
    pool: SessionPool
    injector: Injector = field(default_factory=Injector)
    emulation: EmulatorSettings = field(default_factory=EmulatorSettings)
    call_deadline: float = 30.0

    @asynccontextmanager
    async def opened(self, task: Task, server: ToolServer) -> AsyncIterator[RunBackend]:
        """A backend for one run, which closes it. A real server starts with the first call, so that a failure is the
        run's; whoever must wait for a place waits here, where no deadline runs yet.
        """
        kind = server.reach.kind
        if kind == "code":
            yield CodeBackend(server, self.sandbox, self.call_deadline)
        elif kind == "emulated":
            yield EmulatedBackend(server, task, self.emulator, self.injector, self.emulation)
        else:
            async with self.pool.room():
                yield McpBackend(server, self.pool, self.call_deadline)

    def settings(self) -> dict[str, JsonValue]:
        """What the results of calls depend on beside the tools and who plays them."""
        return {
            "failures": asdict(self.injector),
            "emulation": asdict(self.emulation),
            "call_deadline": self.call_deadline,
        }

    async def close(self) -> None:
        await self.pool.close()
        await asyncio.to_thread(self.sandbox.close)
