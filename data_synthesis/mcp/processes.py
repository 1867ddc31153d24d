"""The processes of one server, found in /proc: all that it started is its own, wherever that went."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

# In the environment of a server, and so of all that it starts.
MARK = "ASTRA_MCP_FOLDER"
_ROUNDS = 20  # of killing: what is killed may have started another one meanwhile
_PAUSE_SECONDS = 0.05
_LOOKS = 2  # in a row that find none: a program that the kernel still loads has no environment to read

# Its number and when it started, as numbers are used again.
Process = tuple[int, int]


class ServerProcesses:
    """Those that have the folder's path as a mark, and those of their sessions, which may have lost it. None where
    there is no /proc.
    """

    def __init__(self, folder: Path):
        self._mark = f"\0{MARK}={folder}\0".encode()
        self._sessions: set[int] = set()

    def running(self) -> set[Process]:
        """Blocks: reads of every process of this machine."""
        sessions = _sessions()
        self._sessions |= {sessions[process] for process in sessions if self._mark in _environment(process)}
        self._sessions.discard(os.getsid(0))  # whoever got into ours is not worth everything in it
        return {process for process, session in sessions.items() if session in self._sessions}

    def end(self) -> None:
        """Blocks until they are killed."""
        none_seen = 0
        for _ in range(_ROUNDS):
            running = self.running()
            none_seen = 0 if running else none_seen + 1
            if none_seen == _LOOKS:
                return
            for pid, _ in running:
                _kill(pid)
            time.sleep(_PAUSE_SECONDS)


def _sessions() -> dict[Process, int]:
    """By process; without those that have ended and only wait to be noticed."""
    found: dict[Process, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else ()):
        # Behind the command in brackets: state, parent, group, session; 19 fields behind the state, the start.
        fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
        if len(fields) > 19 and fields[0] not in (b"Z", b"X"):
            found[int(name), int(fields[19])] = int(fields[3])
    return found


def _environment(process: Process) -> bytes:
    return b"\0" + _read(f"/proc/{process[0]}/environ") + b"\0"


def _read(path: str) -> bytes:
    """Nothing where the process is gone, or another user's."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return
