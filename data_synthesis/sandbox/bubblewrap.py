"""Finds out, once per process, whether bubblewrap works here, and says how to run a program inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROBE_SECONDS = 10.0


@dataclass(frozen=True)
class Bubblewrap:
    """`problem` is empty where bubblewrap works. `path` is absolute: it is run without a search path."""

    version: str
    problem: str
    path: str = ""

    def wrap(self, command: list[str], environment: dict[str, str]) -> list[str]:
        """`command` in new namespaces that hold the interpreter, the system's libraries and nothing else."""
        return [*_arguments(self.path, environment), *command]


@cache
def probe() -> Bubblewrap:
    """Runs the interpreter inside bubblewrap to see whether that works. Waits ten seconds at most."""
    found = shutil.which("bwrap")
    if sys.platform != "linux" or found is None:
        return Bubblewrap("", "bubblewrap (`bwrap`) is not installed")
    path = os.path.abspath(found)
    try:
        version = _run([path, "--version"]).stdout.split()[-1]
        tried = _run([*_arguments(path, {}), *interpreter(), "-c", "import json"])
    except (OSError, IndexError, subprocess.TimeoutExpired) as error:
        return Bubblewrap("", f"bubblewrap does not run: {error}")
    lines = tried.stderr.strip().splitlines() or [f"exit status {tried.returncode}"]
    problem = "" if tried.returncode == 0 else f"bubblewrap does not work here: {lines[-1]}"
    return Bubblewrap(version, problem, path)


def interpreter() -> list[str]:
    """This Python, without site packages, user files or the current directory on its path."""
    return [sys.executable, "-s", "-S", "-P"]


def _arguments(path: str, environment: dict[str, str]) -> list[str]:
    arguments = [path, "--unshare-all", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    for folder in _folders():
        arguments += ["--ro-bind", folder, folder]
    for link in ("/bin", "/lib", "/lib64"):
        if os.path.islink(link):
            arguments += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            arguments += ["--ro-bind", link, link]
    return [*arguments, "--chdir", "/"]


def _folders() -> list[str]:
    """What the interpreter needs to start: itself, its library, the C library, and this package."""
    executable = Path(sys.executable)
    wanted = {Path("/usr"), Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent}
    wanted |= {executable.parent, executable.resolve().parent}
    wanted |= {file for file in [Path("/etc/ld.so.cache")] if file.exists()}
    return [str(path) for path in sorted(wanted) if not any(other in path.parents for other in wanted)]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
    )
