"""Servers and how many requests each may have in flight: more while it keeps up, fewer when it says it cannot."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from data_synthesis.teacher.server.chat import ChatClient
from data_synthesis.teacher.turn import TURN

_SHRINK = 0.5  # of the limit, when a server is overloaded
_REST_SECONDS = 5.0  # that a server which did not answer is left alone; doubles each time, up to a minute
_LONGEST_REST = 60.0


@dataclass
class Endpoint:
    """One server. Its limit doubles a round trip until the first overload, then grows by one (as TCP does)."""

    url: str
    client: ChatClient
    limit: float
    most: int
    in_flight: int = 0
    resting_until: float = 0.0
    _threshold: float = field(default=math.inf, repr=False)
    _cuts: int = field(default=0, repr=False)
    _silences: int = field(default=0, repr=False)

    @property
    def free(self) -> int:
        return int(self.limit) - self.in_flight

    def kept_up(self) -> None:
        self._silences = 0
        grown = self.limit + (1.0 if self.limit < self._threshold else 1.0 / self.limit)
        if self.in_flight >= int(self.limit):  # a limit that nobody reached says nothing about more
            self.limit = min(grown, self.most)

    def overloaded(self, cuts_at_start: int) -> None:
        """Shrinks the limit, once for all requests that were in flight together."""
        if cuts_at_start == self._cuts:
            self._cuts += 1
            self.limit = max(1.0, self.limit * _SHRINK)
            self._threshold = self.limit

    def silent(self, now: float) -> None:
        rest = min(_REST_SECONDS * 2**self._silences, _LONGEST_REST)
        self._silences += 1
        self.resting_until = now + rest


@dataclass(frozen=True)
class Lease:
    """A request's place at a server, and what the request found out about it."""

    endpoint: Endpoint
    cuts: int

    def kept_up(self) -> None:
        self.endpoint.kept_up()

    def overloaded(self) -> None:
        self.endpoint.overloaded(self.cuts)

    def silent(self) -> None:
        self.endpoint.silent(asyncio.get_running_loop().time())


class Endpoints:
    """Gives each request the server with the most room, by their turns, and in the order in which they come."""

    def __init__(self, endpoints: Sequence[Endpoint]):
        self.all = tuple(endpoints)
        self._waiting: list[tuple[int, int, asyncio.Future[Endpoint]]] = []  # a heap, by turn and arrival
        self._arrivals = count()
        self._until_idle: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        endpoint = await self._place()
        try:
            yield Lease(endpoint, endpoint._cuts)
        finally:
            self._leave(endpoint)

    async def idle(self) -> None:
        """Waits until no request is in flight: for as long as their deadline, where no new one begins."""
        if any(endpoint.in_flight for endpoint in self.all):
            idle = asyncio.get_running_loop().create_future()
            self._until_idle.append(idle)
            await idle

    async def _place(self) -> Endpoint:
        place = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (TURN.get(), next(self._arrivals), place))
        self._give_places()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was given just before
                self._leave(place.result())
            raise

    def _leave(self, endpoint: Endpoint) -> None:
        endpoint.in_flight -= 1
        self._give_places()
        if not any(other.in_flight for other in self.all):
            for idle in self._until_idle:
                if not idle.cancelled():
                    idle.set_result(None)
            self._until_idle.clear()

    def _give_places(self) -> None:
        while self._waiting and (endpoint := self._best()):
            _, _, place = heappop(self._waiting)
            if not place.cancelled():
                endpoint.in_flight += 1
                place.set_result(endpoint)

    def _best(self) -> Endpoint | None:
        """A server that rests is used only when all do: a question must not wait for a server that may be gone."""
        now = asyncio.get_running_loop().time()
        awake = [e for e in self.all if e.resting_until <= now] or self.all
        return max((e for e in awake if e.free > 0), key=lambda e: e.free, default=None)
