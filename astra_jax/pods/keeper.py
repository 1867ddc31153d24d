"""Keeps one process of a run: starts it when all are there, logs what it prints, ends it when another is gone.

The process that trains is a child. Whatever becomes of it, an abort inside a native library too, its keeper is there
to say in one sentence what happened, and to end every process with the same status.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from astra_jax.pods.hub import BEAT_SECONDS, GOES_ON, TRY_AGAIN, WRONG, Hub, Limits
from astra_jax.pods.identity import Identity
from astra_jax.pods.place import Place

_WORDS = 1000  # characters of last words
_PUMP_SECONDS = 2.0  # for the last output; longer only if a process that the child left behind holds the pipe
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)

# The address of JAX's coordinator -> the command of the child.
Command = Callable[[str], Sequence[str]]


def keep(command: Command, place: Place, me: Identity, logs: Path, limits: Limits) -> int:
    """Runs `command` as process `place.index` of `place.count`, and returns the exit status of all.

    0: all are done. 75 (`EX_TEMPFAIL`): the same command on all hosts goes on from the last checkpoint; a process was
    told to stop, died, or did not come. 2: the user must change something. Others: those of a process that failed.

    Args:
        logs: folder of `host_NNN.log`, shared by all hosts.
    """
    return asyncio.run(_Keeper(command, place, me, logs, limits).run())


class _Keeper:
    def __init__(self, command: Command, place: Place, me: Identity, logs: Path, limits: Limits):
        self._command, self._place, self._me, self._logs, self._limits = command, place, me, logs, limits
        self._child: _Child | None = None
        self._heard = 0.0

    async def run(self) -> int:
        work = asyncio.ensure_future(self._join() if self._place.index else self._lead())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._pass_on, number, work)
        try:
            return await work
        except asyncio.CancelledError:
            return self._give_up("stopped before all processes were there")
        finally:
            if self._child:
                self._child.end()

    async def _lead(self) -> int:
        hub = Hub(self._place, self._logs, self._limits)
        try:
            await hub.open()
        except OSError as error:
            return self._give_up(f"process 0 cannot listen on port {self._place.port}: {error.strerror}")
        try:
            return await self._join()
        finally:
            await hub.close()

    def _pass_on(self, number: int, work: asyncio.Future[int]) -> None:
        if self._child:
            self._child.send(number)
        else:
            work.cancel()

    async def _join(self) -> int:
        connection = await self._connect()
        if connection is None:
            return self._give_up(
                f"the coordinator, process 0 at {self._place.leader}, did not answer within {self._limits.join:g} s: "
                "see that the command runs there and that hosts reach each other on that port"
            )
        reader, self._writer = connection
        self._tell({"hello": self._me.as_json()})
        self._heard = _now()
        tasks = [asyncio.create_task(work) for work in (self._obey(reader), self._beat())]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        return done.pop().result()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        deadline = _now() + self._limits.join
        while (left := deadline - _now()) > 0:
            with suppress(OSError, TimeoutError):
                opened = asyncio.open_connection(self._place.host, self._place.port)
                return await asyncio.wait_for(opened, left)
            await asyncio.sleep(min(BEAT_SECONDS, max(0.0, left)))
        return None

    async def _obey(self, reader: asyncio.StreamReader) -> int:
        """What the hub says, until it ends the run or is gone."""
        with suppress(ConnectionError):
            while line := await reader.readline():
                self._heard = _now()
                message = json.loads(line)
                if "welcome" in message:
                    self._tell({"ready": await self._sees(self._logs / message["welcome"])})
                if "start" in message:
                    self._start(message["start"])
                if "end" in message:
                    return self._say(message["end"]["status"], message["end"]["sentence"])
        return self._give_up(self._gone("its connection broke, so it died or lost its host"))

    async def _beat(self) -> int:
        while _now() - self._heard <= self._limits.peer:
            self._tell({"beat": 1})
            await asyncio.sleep(BEAT_SECONDS)
        return self._give_up(self._gone(f"it has not answered for {self._limits.peer:g} s"))

    def _gone(self, why: str) -> str:
        return f"process 0 at {self._place.leader}, the coordinator, is gone: {why}"

    async def _sees(self, path: Path) -> bool:
        deadline = _now() + self._limits.file
        while not path.exists() and _now() < deadline:
            await asyncio.sleep(BEAT_SECONDS)
        return path.exists()

    def _start(self, address: str) -> None:
        loop = asyncio.get_running_loop()

        def leave(status: int, words: str) -> None:
            loop.call_soon_threadsafe(self._tell, {"left": {"status": status, "words": words}})

        try:
            log = self._logs / f"host_{self._place.index:03d}.log"
            self._child = _Child(self._command(address), log, self._heading())
            self._child.watch(leave)
        except OSError as error:
            leave(WRONG, f"{error.filename}: {error.strerror}")

    def _heading(self) -> str:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return f"== {now} {self._me.name} of {self._place.count}, code {self._me.code} =="

    def _tell(self, message: dict[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def _give_up(self, sentence: str) -> int:
        return self._say(TRY_AGAIN, sentence + GOES_ON)

    def _say(self, status: int, sentence: str | None) -> int:
        """The last line: on standard error, and in the log."""
        line = f"astra: {sentence}" if sentence else ""
        if self._child:
            self._child.end(line)
        if line:
            print(line, file=sys.stderr, flush=True)
        return status


class _Child:
    """The process that trains, in a session of its own: a Ctrl-C is the keeper's to pass on."""

    def __init__(self, command: Sequence[str], log: Path, heading: str):
        self._log = log.open("ab", buffering=0)
        self._log.write(f"{heading}\n".encode())
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._tail = b""
        self._pump = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
        self._pump.start()

    def watch(self, leave: Callable[[int, str], None]) -> None:
        """Calls `leave` with status and last words once the process has ended."""

        def wait() -> None:
            status = self._process.wait()
            self._pump.join(_PUMP_SECONDS)
            leave(status, last_words(self._tail.decode(errors="replace")))

        threading.Thread(target=wait, daemon=True).start()

    def send(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def end(self, line: str = "") -> None:
        """Kills the process if it still runs, and closes the log with `line`."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._pump.join(_PUMP_SECONDS)
        if line and not self._log.closed:
            self._log.write(f"{line}\n".encode())
        self._log.close()

    def _copy(self, source: IO[bytes]) -> None:
        while piece := source.read1(1 << 16):  # type: ignore[attr-defined]
            self._tail = (self._tail + piece)[-4 * _WORDS :]
            with suppress(ValueError):  # the log was closed at the end of the run
                self._log.write(piece)
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def last_words(output: str) -> str:
    """Why a process ended, from the end of its output: what `astra` says, or else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line.removeprefix("astra: ") for line in lines if line.startswith("astra: ")]
    return (said or lines or [""])[-1][:_WORDS]


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _now() -> float:
    return time.monotonic()
