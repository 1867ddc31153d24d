"""Each wall holds alone: what Landlock or bubblewrap is there for fails although no filter is in the way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import ATTACKS
from attacks.case import Outcome
from attacks.world import World

from data_synthesis.sandbox import bubblewrap
from data_synthesis.sandbox.inside import landlock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")

BY_NAME = {attack.name: attack for attack in ATTACKS}
SANDBOX = str(Path(bubblewrap.__file__).parent)
LANDLOCK_FROM = {  # the ABI since which Landlock alone stops it
    "read a file": 1,
    "write a new file": 1,
    "list a folder": 1,
    "make a symbolic link": 1,
    "delete a file": 1,
    "execve": 1,
    "truncate a file": 3,
    "connect by TCP": 4,
    "listen by TCP": 4,
    "kill a process": 6,
    "signal the owner": 6,
    "connect to an abstract socket": 6,
}
NAMESPACES_STOP = [
    "read a file",
    "write a new file",
    "connect by TCP",
    "send by UDP",
    "connect to a socket file",
    "connect to an abstract socket",
    "kill a process",
    "signal the owner",
    "read the owner's environment",
    "read an environment variable",
    "mount",
]
RUN = "print('tried', flush=True); names = {}; exec(sys.argv[2], names); names['attack'](json.loads(sys.argv[3]))"
BEHIND_LANDLOCK = (
    "import ctypes, json, os, resource, signal, socket, struct, sys, time; sys.path.insert(0, sys.argv[1]); "
    "from inside import landlock, libc; libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1); "
    f"landlock.deny_everything(landlock.abi()); {RUN}"
)


def attempt(command: list[str], name: str, world: World) -> bool:
    """Runs an attack by `command`, and says whether it worked."""
    arguments = [SANDBOX, BY_NAME[name].source, json.dumps(world.facts())]
    done = subprocess.run([*command, *arguments], capture_output=True, timeout=30, check=False)
    assert b"tried" in done.stdout, done.stderr
    return BY_NAME[name].worked(world, Outcome(value=done.returncode == 0))


@pytest.mark.parametrize(("name", "since"), LANDLOCK_FROM.items())
def test_landlock_alone(name, since, world):
    if landlock.abi() < since:
        pytest.skip(f"needs Landlock ABI {since}; this kernel has {landlock.abi()}")
    assert not attempt([*bubblewrap.interpreter(), "-c", BEHIND_LANDLOCK], name, world)


@pytest.mark.parametrize("name", NAMESPACES_STOP)
def test_bubblewrap_alone(name, world):
    wrapper = bubblewrap.probe()
    if wrapper.problem:
        pytest.skip(wrapper.problem)
    command = wrapper.wrap([*bubblewrap.interpreter(), "-c", f"import json, sys; {RUN}"], {})
    assert not attempt(command, name, world)


def test_bubblewrap_hides_the_machine(world):
    wrapper = bubblewrap.probe()
    if wrapper.problem:
        pytest.skip(wrapper.problem)
    paths = ["/etc/passwd", "/proc/self", "/sys/kernel", "/var/log", "/dev/null", str(world.secret_file)]
    look = f"import os; print([path for path in {paths} if os.path.exists(path)])"
    command = wrapper.wrap([*bubblewrap.interpreter(), "-c", look], {})
    assert subprocess.run(command, capture_output=True, timeout=30, check=True).stdout == b"[]\n"
