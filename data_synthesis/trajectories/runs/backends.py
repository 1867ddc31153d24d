"""The tools of a run, by how its server is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

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
        injector: makes emulated calls fail.
        sandbox: runs tools that are code.
        call_deadline: seconds of one call of a real tool.
        start_deadline: seconds that a server has to start.
    """

    emulator: Teacher
    sandbox: Sandbox
    injector: Injector = field(default_factory=Injector)
    emulation: EmulatorSettings = field(default_factory=EmulatorSettings)
    call_deadline: float = 30.0
    start_deadline: float = 30.0

    def open(self, task: Task, server: ToolServer) -> RunBackend:
        """A backend for one run. A real server starts with the first call, so that a failure is the run's."""
        kind = server.reach.kind
        if kind == "code":
            return CodeBackend(server, self.sandbox, self.call_deadline)
        if kind == "emulated":
            return EmulatedBackend(server, task, self.emulator, self.injector, self.emulation)
        return McpBackend(server, self.start_deadline, self.call_deadline)
