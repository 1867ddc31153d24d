"""What process 0 does for all: it waits until everyone is there, compares them, and notices who is gone.

Each process of a run has a keeper (`keeper.py`), and every keeper, that of process 0 too, is connected to the hub.
Messages are JSON objects, one a line:

    keeper                                hub
    hello: who I am, what I run     ->
                                    <-    welcome: a file that must be there in the folder of logs
    ready: whether it is            ->
                                    <-    start: where JAX's coordinator will listen
    beat, every second              <->   beat, every second
    left: status and last words     ->
                                    <-    end: the status of all, and why; also in place of welcome or start
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from astra_jax.pods.identity import Identity, disagreement
from astra_jax.pods.place import Place

TRY_AGAIN = os.EX_TEMPFAIL  # 75: nothing is wrong with the run, and the same command goes on
WRONG = 2  # the user must change something, as `astra` says it
BEAT_SECONDS = 1.0
GOES_ON = "; the same command on all hosts goes on from the last checkpoint"

_SETTLE_SECONDS = 2.0  # after a cause is known, for a better one
_EXPLAINS = 5  # the weight from which a failure is a cause and not a consequence
_MOST_LINE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Seconds that are waited."""

    join: float = 300.0  # for all processes to be there
    peer: float = 30.0  # for one that no longer answers
    file: float = 30.0  # for a file that another host wrote: network file systems show it late


class End(NamedTuple):
    """How a run ends, for all. Of several ends the weightiest counts: it explains the others. None weighs 0 but that of
    a run whose processes all left as they should."""

    weight: int
    status: int
    sentence: str | None


@dataclass
class _Seat:
    """A process that said hello."""

    who: Identity
    writer: asyncio.StreamWriter
    heard: float  # when it last said anything
    ready: bool = False
    left: tuple[int, str] | None = None  # status and last words


class Hub:
    """The server of one run: `open`, then `close`, whatever has happened in between."""

    def __init__(self, place: Place, folder: Path, limits: Limits):
        self._place, self._folder, self._limits = place, folder, limits
        self._seats: dict[int, _Seat] = {}
        self._complete = False
        self._ends: list[End] = []
        self._changed = asyncio.Event()
        self._connections: set[asyncio.Task[Any]] = set()
        self._nonce = f".here-{uuid.uuid4().hex[:12]}"

    async def open(self) -> None:
        """Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._serve, port=self._place.port, limit=_MOST_LINE)
        self._tasks = {asyncio.create_task(work) for work in (self._run(), self._beat())}

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks | self._connections:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._connections, return_exceptions=True)
        (self._folder / self._nonce).unlink(missing_ok=True)

    async def _run(self) -> None:
        end = await self._gather() or await self._watch()
        advice = GOES_ON if end.weight and end.status == TRY_AGAIN else ""
        self._tell({"end": {"status": end.status, "sentence": end.sentence and end.sentence + advice}})

    async def _gather(self) -> End | None:
        """Until all are there, agree and see the folder of logs; the end of the run if they do not."""
        self._complete = await self._until(lambda: len(self._seats) == self._place.count, self._limits.join)
        if not self._complete:
            return End(1, TRY_AGAIN, self._missing())
        if difference := disagreement([seat.who for seat in self._seats.values()]):
            return End(1, WRONG, difference)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / self._nonce).touch()
        self._tell({"welcome": self._nonce})
        ready = await self._until(
            lambda: self._ends or all(s.ready for s in self._seats.values()), self._limits.join
        )
        if self._ends or not ready:
            slow = End(1, TRY_AGAIN, f"not every process was ready within {self._limits.join:g} s")
            return max(self._ends, default=slow)
        self._tell({"start": f"{self._place.host}:{_free_port()}"})
        return None

    def _missing(self) -> str:
        absent = [str(i) for i in range(self._place.count) if i not in self._seats]
        here = ", ".join(self._seats[i].who.name for i in sorted(self._seats)) or "none"
        return (
            f"{len(absent)} of {self._place.count} processes did not arrive within {self._limits.join:g} s: "
            f"{', '.join(absent)} (here: {here}); is every host up, and is the command running there?"
        )

    async def _watch(self) -> End:
        """Until all have left, or something failed and its cause had time to arrive among its consequences."""
        await self._until(lambda: self._ends or self._all_left())
        await self._until(
            lambda: self._all_left() or max(self._ends).weight >= _EXPLAINS,
            self._limits.peer + _SETTLE_SECONDS,
        )
        await self._until(self._all_left, _SETTLE_SECONDS)
        status = max((seat.left[0] for seat in self._seats.values() if seat.left), default=0)
        return max(self._ends, default=End(0, status, None))

    def _all_left(self) -> bool:
        return all(seat.left for seat in self._seats.values())

    async def _beat(self) -> None:
        while True:
            self._tell({"beat": 1})
            if self._complete:
                self._notice_silence()
            await asyncio.sleep(BEAT_SECONDS)

    def _notice_silence(self) -> None:
        for seat in self._seats.values():
            if not seat.left and _now() - seat.heard > self._limits.peer:
                self._note(End(9, TRY_AGAIN, f"{seat.who.name} has not answered for {self._limits.peer:g} s"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seat: _Seat | None = None
        self._connections.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if seat is None:
                    seat = self._take_seat(Identity.from_json(message["hello"]), writer)
                self._hear(seat, message)
        except asyncio.CancelledError:  # of `close`; asyncio reports handlers that end so
            return
        except (ConnectionError, ValueError, TypeError, KeyError):  # gone, or never one of ours
            pass
        finally:
            writer.close()
        if seat is not None and not self._complete:
            del self._seats[seat.who.index]
        elif seat is not None and not seat.left:
            gone = f"{seat.who.name} is gone: its connection broke, so it died or lost its host"
            self._note(End(10, TRY_AGAIN, gone))

    def _take_seat(self, who: Identity, writer: asyncio.StreamWriter) -> _Seat:
        """Raises ValueError, which ends the connection, where the seat is taken."""
        if who.index in self._seats:
            line = f"process {who.index} is there already, on {self._seats[who.index].who.host}"
            writer.write(json.dumps({"end": {"status": WRONG, "sentence": line}}).encode() + b"\n")
            raise ValueError(line)
        self._seats[who.index] = _Seat(who, writer, _now())
        return self._seats[who.index]

    def _hear(self, seat: _Seat, message: dict[str, Any]) -> None:
        seat.heard = _now()
        seat.ready |= message.get("ready", False)
        if message.get("ready") is False:
            unseen = (
                f"{seat.who.name} does not see what process 0 writes to {self._folder}: config.run_dir must be on a "
                "file system that all hosts share"
            )
            self._note(End(20, WRONG, unseen))
        if "left" in message:
            seat.left = message["left"]["status"], message["left"]["words"]
            if seat.left[0] not in (0, TRY_AGAIN):
                self._note(_failure(seat.who.name, *seat.left))
        self._changed.set()

    def _note(self, end: End) -> None:
        self._ends.append(end)
        self._changed.set()

    async def _until(self, condition: Callable[[], Any], seconds: float | None = None) -> bool:
        """Whether `condition` came true within `seconds`; None waits for ever."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _tell(self, message: dict[str, Any]) -> None:
        for seat in self._seats.values():
            if not seat.writer.is_closing():
                seat.writer.write(json.dumps(message).encode() + b"\n")


def _failure(name: str, status: int, words: str) -> End:
    """What the end of one process means. When one goes, JAX ends the others by SIGABRT or an error of its
    collectives: those weigh little."""
    because = f": {words}" if words else ""
    if status == -signal.SIGABRT:
        return End(1, TRY_AGAIN, f"{name} was aborted{because}")
    if status < 0:
        return End(8, TRY_AGAIN, f"{name} was killed by {signal.Signals(-status).name}")
    if status == WRONG:
        return End(7, WRONG, f"{name} stopped{because}")
    return End(2, status, f"{name} failed with status {status}{because}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def _now() -> float:
    return asyncio.get_running_loop().time()
