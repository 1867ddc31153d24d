"""Sessions of real servers, so many at once; a server that can be put back as it began serves more than one run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from data_synthesis.mcp.folder import sweep
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
    """Removes what others that were killed left behind, when it is made.

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
        self._open: set[McpSession] = set()
        self.counts: Counter[str] = Counter()
        sweep()

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
        while (idle := self._out_of_idle(reach)) is not None:
            async with self._ended_if_this_fails(idle.session):
                if await _is_as_it_began(idle):
                    self.counts["used again"] += 1
                    return Lease(idle.session, idle.before, runs=idle.runs + 1)
            await self._end(idle.session)
        session = await McpSession.open(reach, self._start_deadline)
        self._open.add(session)
        self.counts["started"] += 1
        async with self._ended_if_this_fails(session):
            return Lease(session, await _snapshot(session))

    async def give(self, lease: Lease) -> None:
        """Puts the server back as it began, where that can be done, and ends it otherwise."""
        async with self._ended_if_this_fails(lease.session):
            fit = await _put_back(lease)
        if not fit:
            await self._end(lease.session)
            return
        self._idle.append(lease)
        while len(self._idle) > self._most:
            await self._end(self._idle.pop(0).session)

    async def close(self) -> None:
        """Ends all servers, also those that are in use."""
        self._idle.clear()
        await asyncio.gather(*map(self._end, tuple(self._open)))

    def _out_of_idle(self, reach: Reach) -> Lease | None:
        """Taken out at once: others take while this one waits."""
        for i, lease in enumerate(self._idle):
            if lease.session.reach == reach:
                return self._idle.pop(i)
        return None

    @asynccontextmanager
    async def _ended_if_this_fails(self, session: McpSession) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self._end(session)
            raise

    async def _end(self, session: McpSession) -> None:
        try:
            await session.close()
        finally:
            self._open.discard(session)


async def _put_back(lease: Lease) -> bool:
    session = lease.session
    if not (session.reach.reset == "folder" and lease.fit and session.alive and lease.runs < _MOST_RUNS):
        return False
    if await asyncio.to_thread(session.strays):
        return False  # what a call left at work would write into the next run's folder
    try:
        await asyncio.to_thread(session.folder.reset)
    except OSError:
        return False
    return True


async def _is_as_it_began(lease: Lease) -> bool:
    session = lease.session
    if not session.alive or await asyncio.to_thread(session.strays):
        return False
    return await _snapshot(session) == lease.before


async def _snapshot(session: McpSession) -> Snapshot:
    return await asyncio.to_thread(Snapshot.of, session.folder.path)
