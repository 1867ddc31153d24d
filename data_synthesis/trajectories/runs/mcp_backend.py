"""Tools of a live MCP server: each run has a folder as it begins, and a process that remembers nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.mcp.pool import Lease, SessionPool
from data_synthesis.mcp.session import CallResult, SessionFailed
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
    """Takes its server with the first call that needs it. Calls of one turn are made one after the other, so that what
    they leave in the folder does not depend on which was faster.

    Args:
        call_deadline: seconds.
    """

    def __init__(self, server: ToolServer, pool: SessionPool, call_deadline: float):
        self._server, self._pool = server, pool
        self._call_deadline = call_deadline
        self._lease: Lease | None = None
        self._hung = False

    async def execute(self, calls: Sequence[ParsedCall], turn: int) -> list[RunEvent]:
        """
        Raises:
            BackendFailure: the server does not start, or died.
        """
        return [await self._executed(call, turn) for call in calls]

    async def finish(self) -> list[StateChange]:
        """What the run left different in the folder; nothing where no call was made, or where there is no folder."""
        if self._lease is None:
            return []
        after = await asyncio.to_thread(Snapshot.of, self._lease.session.folder.path)
        return changes(self._lease.before, after)

    async def close(self) -> None:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._pool.give(lease)

    async def _executed(self, call: ParsedCall, turn: int) -> RunEvent:
        if refused := refusal(call, self._server, turn):
            return refused
        tool = self._server.tool(call.name)
        assert tool is not None
        try:
            result = await self._called(tool.called, call.arguments or {})
        except SessionFailed as failure:
            raise BackendFailure(f"{self._server.title}: {failure}") from failure
        return event(call, turn, _STATUS[result.outcome], result.text)

    async def _called(self, name: str, arguments: dict[str, Any]) -> CallResult:
        if self._lease is None:
            self._lease = await self._pool.take(self._server.reach)
        lease = self._lease
        # A call that timed out, or that the run's deadline cut off, may still be at work in the server.
        lease.fit = False
        result = await lease.session.call(name, arguments, self._call_deadline, _MOST_CHARS)
        self._hung |= result.outcome == "timeout"
        lease.fit = not self._hung
        return result
