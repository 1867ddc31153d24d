"""Tools of a live MCP server: each run has a process and a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.mcp.session import CallResult, McpSession, SessionFailed
from data_synthesis.mcp.state import Snapshot, changes
from data_synthesis.records import RunEvent, StateChange, ToolServer
from data_synthesis.trajectories.runs.interface import BackendFailure
from data_synthesis.trajectories.runs.refusals import event, refusal

_MOST_CHARS = 100_000  # of a result; more is no use to any model
_STATUS = {
    "ok": "ok",
    "error": "tool_error",
    "timeout": "timeout",
    "oversized": "oversized",
    "not_protocol": "not_protocol",
}


class McpBackend:
    """Starts its server with the first call that needs it. Calls of one turn are made one after the other, so that what
    they leave in the folder does not depend on which was faster.

    Args:
        start_deadline, call_deadline: seconds.
    """

    def __init__(self, server: ToolServer, start_deadline: float, call_deadline: float):
        self._server = server
        self._start_deadline, self._call_deadline = start_deadline, call_deadline
        self._session: McpSession | None = None
        self._before: Snapshot | None = None

    async def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[RunEvent]:
        """
        Raises:
            BackendFailure: the server does not start, or died.
        """
        return [await self._executed(call, turn) for call in calls]

    async def finish(self) -> list[StateChange]:
        """What the run left different in the folder; nothing where no call was made, or where there is no folder."""
        if self._session is None or self._before is None:
            return []
        after = await asyncio.to_thread(Snapshot.of, self._session.folder.path)
        return changes(self._before, after)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _executed(self, call: ParsedCall, turn: int) -> RunEvent:
        if refused := refusal(call, self._server, turn):
            return refused
        tool = self._server.tool(call.name)
        assert tool is not None
        try:
            session = await self._opened()
            result: CallResult = await session.call(
                tool.called, call.arguments or {}, self._call_deadline, _MOST_CHARS
            )
        except SessionFailed as failure:
            raise BackendFailure(f"{self._server.title}: {failure}") from failure
        return event(call, turn, _STATUS[result.outcome], result.text)

    async def _opened(self) -> McpSession:
        if self._session is None:
            self._session = await McpSession.open(self._server.reach, self._start_deadline)
            self._before = await asyncio.to_thread(Snapshot.of, self._session.folder.path)
        return self._session
