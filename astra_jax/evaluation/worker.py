"""Processes in an environment of their own that answer questions as JSON lines: every wait has a deadline."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from data_synthesis.arenas.backend import InfrastructureFailure

_LONGEST_LINE = 256 << 20  # bytes: all items of a category are one answer
_PASSED_ON = ("PATH", "LANG", "LC_ALL")  # of this process's environment; keys and tokens stay here
_LAST_WORDS = 2000  # bytes of what a process that died wrote to its standard error


class WorkerFailed(InfrastructureFailure):
    """No answer: the process does not start, died, or was ended as it took too long. The next one is fresh."""


class WorkerRefused(InfrastructureFailure):
    """The worker answered that it cannot do this; the message is its own."""


@dataclass(frozen=True)
class Program:
    """How a worker is started.

    Args:
        name: what messages call it.
        python: the interpreter of its environment.
        script: a file that reads requests from standard input.
        made_by: the command that makes the environment.
        env: more of the process's environment; `{folder}` stands for a temporary folder of its own.
        deadline_s: seconds of one request, the start included.
    """

    name: str
    python: Path
    script: Path
    made_by: str
    env: Mapping[str, str] = field(default_factory=dict)
    deadline_s: float = 60.0


class Worker:
    """One process. Starts with its first request, and again after it failed."""

    def __init__(self, program: Program):
        self.program = program
        self._process: asyncio.subprocess.Process | None = None
        self._errors: IO[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def ask(self, op: str, **arguments: Any) -> Any:
        """
        Raises:
            WorkerFailed: no answer; the process is gone, with all that it held.
            WorkerRefused: the worker says why it cannot answer.
        """
        line = json.dumps({"op": op, **arguments}).encode() + b"\n"
        try:
            async with asyncio.timeout(self.program.deadline_s):
                answer = await self._exchange(line)
        except TimeoutError:
            await self.close()
            raise WorkerFailed(
                f"{self.program.name} did not answer `{op}` within {self.program.deadline_s:g} s and was ended"
            ) from None
        except (OSError, ValueError) as error:
            problem = await self._death(op, error)
            await self.close()
            raise WorkerFailed(problem) from None
        except BaseException:  # cancelled: an answer that nobody reads must not be taken for the next one's
            await self.close()
            raise
        if "error" in answer:
            raise WorkerRefused(f"{self.program.name}: {answer['error']}")
        return answer["ok"]

    async def close(self) -> None:
        """Ends the process. It starts again when it is asked again."""
        process, self._process = self._process, None
        if process and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
        if self._errors:
            self._errors.close()
        if self._folder:
            self._folder.cleanup()
        self._errors = self._folder = None

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        process = self._process or await self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(line)
        await process.stdin.drain()
        return json.loads(await process.stdout.readline())

    async def _start(self) -> asyncio.subprocess.Process:
        program = self.program
        self._folder = tempfile.TemporaryDirectory(prefix="astra-worker-")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= {name: value.format(folder=self._folder.name) for name, value in program.env.items()}
        self._process = await asyncio.create_subprocess_exec(
            str(program.python.absolute()), "-I", "-X", "utf8", str(program.script),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._errors,
            env=env, cwd=self._folder.name, limit=_LONGEST_LINE,
        )  # fmt: skip
        return self._process

    async def _death(self, op: str, error: Exception) -> str:
        """What happened, in one sentence."""
        name, process = self.program.name, self._process
        if process is None:
            return f"{name} does not start: {error}"
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 1.0)
        how = f"exit status {process.returncode}" if process.returncode is not None else f"{error}"
        return f"{name} died at `{op}` ({how}){self._last_words()}"

    def _last_words(self) -> str:
        if not self._errors:
            return ""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _LAST_WORDS))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""


class WorkerPool:
    """Workers of one program, each used by one at a time.

    Raises:
        FileNotFoundError: the environment is not there; names the command that makes it.
    """

    def __init__(self, program: Program, size: int):
        if not program.python.exists():
            raise FileNotFoundError(f"{program.python} is not there; `{program.made_by}` makes it")
        self._all: Sequence[Worker] = [Worker(program) for _ in range(size)]
        self._free: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        for worker in self._all:
            self._free.put_nowait(worker)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Worker]:
        """A worker that nobody else asks meanwhile."""
        worker = await self._free.get()
        try:
            yield worker
        finally:
            self._free.put_nowait(worker)

    async def ask(self, op: str, **arguments: Any) -> Any:
        """As `Worker.ask`, of whichever is free."""
        async with self.lease() as worker:
            return await worker.ask(op, **arguments)

    async def close(self) -> None:
        for worker in self._all:
            await worker.close()
