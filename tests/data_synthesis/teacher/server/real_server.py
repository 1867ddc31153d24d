"""A real SGLang server on this machine's CPU, started for a test and gone after it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[4]
ENVIRONMENT = ROOT / ".venv-sglang"
MODEL = "smollm2"
INSTALLED = (ENVIRONMENT / ".installed").exists() and (ENVIRONMENT / MODEL / "config.json").exists()

_START_SECONDS = 300.0  # 25 on two idle cores
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class RealServer:
    """SGLang's processes are one group: the HTTP server leads, the scheduler and the detokenizer follow."""

    process: subprocess.Popen[bytes]
    origin: str
    log: Path

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def busy(self) -> bool:
        """Whether it has begun to write an answer since it was started."""
        return "Decode batch" in self.log.read_text(errors="replace")


@contextmanager
def serving(log: Path, model: Path = ENVIRONMENT / MODEL, *arguments: str) -> Iterator[RealServer]:
    """A server that is healthy; all its processes are gone at the end.

    Args:
        arguments: SGLang's own.

    Raises:
        RuntimeError: it ended, or was not healthy in time; with the end of its log.
    """
    port = _free_port()
    command = [
        ENVIRONMENT / "bin" / "python",
        ROOT / "tools" / "sglang_cpu" / "serve.py",
        model,
        *arguments,
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--decode-log-interval", "1"],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = RealServer(process, f"http://127.0.0.1:{port}", log)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        _stop(server)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _wait_until_healthy(server: RealServer) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _healthy(server.origin):
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"SGLang is not up: ...{server.log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.5)


def _healthy(origin: str) -> bool:
    try:
        with urllib.request.urlopen(f"{origin}/health", timeout=10) as response:
            return response.status == 200
    except OSError:
        return False


def _stop(server: RealServer) -> None:
    server.signal(signal.SIGCONT)
    server.signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(_STOP_SECONDS)
    server.signal(signal.SIGKILL)
    server.process.wait(_STOP_SECONDS)
