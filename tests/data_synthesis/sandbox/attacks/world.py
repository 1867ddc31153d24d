"""Harmless canaries for attacks to reach: files, listeners, a process, memory, a descriptor."""

from __future__ import annotations

import colorsys
import contextlib
import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

SECRET = "canary-7b1f"
ENVIRONMENT_NAME = "SANDBOX_TEST_CANARY"


class World:
    """One attack's surroundings. Everything here belongs to the process that calls the tool.

    Args:
        pipe: the reading and the writing end of a pipe; the latter is inheritable.
    """

    def __init__(self, pipe: tuple[int, int]):
        self.pipe = pipe
        self.patience = 0.05  # seconds to wait for an effect; more where one is expected
        self.folder = Path(tempfile.mkdtemp())
        self.folder.chmod(0o777)  # so that it is the sandbox that keeps others out
        self.secret_file = self.folder / "secret.txt"
        self.secret_file.write_text(SECRET)
        (self.folder / "planted.py").write_text(f"value = {SECRET!r}\n")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(self.folder / "socket"))
        (self.folder / "socket").chmod(0o777)
        self.unix.listen()
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind("\0" + self.folder.name)
        self.abstract.listen()
        self.victim = subprocess.Popen(["sleep", "60"], start_new_session=True)
        self.memory = ctypes.create_string_buffer(SECRET.encode())
        self.vault = {"api_key_of_the_owner": SECRET, "scopes": []}
        self.signals = 0
        self._handler = signal.signal(signal.SIGUSR1, self._count)
        self._third = colorsys.ONE_THIRD

    def facts(self) -> dict[str, Any]:
        """What an attack is told, as JSON."""
        return {
            "folder": str(self.folder),
            "made": str(self.folder / "made"),
            "secret_file": str(self.secret_file),
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "unix": str(self.folder / "socket"),
            "abstract": self.folder.name,
            "victim": self.victim.pid,
            "owner": os.getpid(),
            "address": ctypes.addressof(self.memory),
            "length": len(SECRET),
            "environment_name": ENVIRONMENT_NAME,
            "machine": platform.machine(),
        }

    def heard(self, listener: socket.socket) -> bool:
        """Somebody has connected or sent something."""
        listener.settimeout(self.patience)
        with contextlib.suppress(TimeoutError):
            if listener is self.udp:
                return bool(listener.recv(100))
            listener.accept()[0].close()
            return True
        return False

    def victim_is_gone(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.victim.wait(self.patience)
        return self.victim.returncode is not None

    def smuggled(self) -> bytes:
        """What has come through the inheritable pipe."""
        os.set_blocking(self.pipe[0], False)
        try:
            return os.read(self.pipe[0], 1 << 16)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        self.smuggled()
        signal.signal(signal.SIGUSR1, self._handler)
        colorsys.ONE_THIRD = self._third
        self.victim.kill()
        self.victim.wait()
        for listener in (self.tcp, self.udp, self.unix, self.abstract):
            listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _count(self, *_: object) -> None:
        self.signals += 1
