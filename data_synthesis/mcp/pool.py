"""Sessions of real servers, so many at once; a server that can be put back as it began serves more than one run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from data_synthesis.mcp.session import McpSession
from data_synthesis.mcp.state import Snapshot
from data_synthesis.records import Reach

_MOST_RUNS = 500  # of one process: a leak must not grow for ever


@dataclass
class Lease:
    """A session for one run, and its folder as it was handed over.

    `fit` says whether the next run may have it: whoever has it sets that when no call hangs in it.
    """

    session: McpSession
    before: Snapshot
    fit: bool = False
    runs: int = 1


class SessionPool:
    """
    Args:
        start_deadline: seconds that a server has to start.
        most: servers that run at once, and as many more that wait to be used again.

    Raises:
        ValueError: `most` is less than 1.
    """

    def __init__(self, start_deadline: float, most: int = 16):
        if most < 1:
            raise ValueError(f"at least one server must be allowed to run, not {most}")
        self._start_deadline, self._most = start_deadline, most
        self._room = asyncio.Semaphore(most)
        self._idle: list[Lease] = []
        self.counts: Counter[str] = Counter()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Waits until one more run may have a server. Outside of the run's own deadline."""
        async with self._room:
            yield

    async def take(self, reach: Reach) -> Lease:
        """
        Raises:
            SessionFailed: the server does not start.
        """
        for lease in [each for each in self._idle if each.session.reach == reach]:
            self._idle.remove(lease)
            if lease.session.alive and await _snapshot(lease.session) == lease.before:
                self.counts["used again"] += 1
                return Lease(lease.session, lease.before, runs=lease.runs + 1)
            await lease.session.close()
        session = await McpSession.open(reach, self._start_deadline)
        self.counts["started"] += 1
        return Lease(session, await _snapshot(session))

    async def give(self, lease: Lease) -> None:
        """Puts the server back as it began, where that can be done, and ends it otherwise."""
        session = lease.session
        if not (session.reach.reset == "folder" and lease.fit and session.alive and lease.runs < _MOST_RUNS):
            await session.close()
            return
        try:
            await asyncio.to_thread(session.folder.reset)
        except OSError:
            await session.close()
            return
        self._idle.append(lease)
        while len(self._idle) > self._most:
            await self._idle.pop(0).session.close()

    async def close(self) -> None:
        """Ends all servers that wait."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(lease.session.close() for lease in idle))


async def _snapshot(session: McpSession) -> Snapshot:
    return await asyncio.to_thread(Snapshot.of, session.folder.path)
