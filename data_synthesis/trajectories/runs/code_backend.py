"""Tools that are code: each run has a sandbox session of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.arenas.episode import observation
from data_synthesis.records import RunEvent, StateChange, ToolServer
from data_synthesis.sandbox.interface import (
    BadArguments,
    Breach,
    CallError,
    Sandbox,
    SandboxError,
    SandboxSession,
)
from data_synthesis.trajectories.runs.interface import BackendFailure
from data_synthesis.trajectories.runs.refusals import event, refusal


class CodeBackend:
    """Opens its session with the first call that needs it. After a breach no call of the run is executed.

    All of that happens in one thread of its own: a call that a run's deadline leaves behind keeps nobody waiting, and
    the session is closed after it, whenever it was opened.

    Args:
        call_deadline: seconds of one call.
    """

    def __init__(self, server: ToolServer, sandbox: Sandbox, call_deadline: float):
        self._server, self._sandbox, self._call_deadline = server, sandbox, call_deadline
        self._session: SandboxSession | None = None
        self._breach = ""
        self._thread: ThreadPoolExecutor | None = None

    async def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[RunEvent]:
        """
        Raises:
            BackendFailure: the sandbox failed, or the sources do not load.
        """
        self._thread = self._thread or ThreadPoolExecutor(1, "tools")
        work = self._thread.submit(lambda: [self._executed(call, turn) for call in calls])
        return await asyncio.wrap_future(work)

    async def finish(self) -> list[StateChange]:
        """Code has no folder, so there is nothing to compare."""
        return []

    async def close(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            thread.submit(self._close_session)
            thread.shutdown(wait=False)

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.close()

    def _executed(self, call: ParsedCall, turn: int) -> RunEvent:
        if refused := refusal(call, self._server, turn):
            return refused
        session = self._opened()
        if self._breach:
            return event(call, turn, "breach", f"Error: no tool works any more: {self._breach}")
        try:
            output = session.call(call.name, call.arguments or {}, deadline=self._call_deadline)
            return event(call, turn, "ok", output if isinstance(output, str) else observation(output))
        except BadArguments as error:
            return event(call, turn, "bad_arguments", f"Error: {error}")
        except CallError as error:
            return event(call, turn, "tool_error", f"Error: {error}")
        except Breach as error:
            self._breach = str(error)
            return event(call, turn, "breach", f"Error: {error}; no tool can be called any more")
        except SandboxError as error:
            raise BackendFailure(f"the sandbox failed: {error}") from error

    def _opened(self) -> SandboxSession:
        """Whatever happens here is no call's fault, a breach by the sources included."""
        if self._session is None:
            try:
                self._session = self._sandbox.open({tool.name: tool.source for tool in self._server.tools})
            except SandboxError as error:
                raise BackendFailure(f"the tools of {self._server.title} do not load: {error}") from error
        return self._session
