"""Confines the calling process for good: limits, then Landlock, then the system-call filter.

Every step must succeed; one that fails raises, and the session is never opened.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass

from . import landlock, libc, seccomp

NONE, SECCOMP, LANDLOCK = 0, 1, 2
_NOBODY = 65534


@dataclass(frozen=True)
class Confinement:
    """What a session is put under. `level` is a `ConfinementLevel`; sizes are bytes, times seconds."""

    level: int
    memory_bytes: int
    cpu_seconds: int
    output_bytes: int
    landlock_abi: int
    filter_program: bytes


def drop_privileges() -> None:
    """Gives up root and every capability, before the first session. Ordinary users have nothing to give up."""
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    if os.getuid() == 0:
        # A user namespace may have no such user; there, root is root of nothing once the capabilities are gone.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    libc.drop_capabilities()


def confine(confinement: Confinement, parent: int) -> None:
    """Confines this process, a child of process `parent`, and sees to it that it does not outlive it."""
    if sys.platform == "linux":
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if confinement.level == NONE:
        return
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    if confinement.level >= LANDLOCK:
        landlock.deny_everything(confinement.landlock_abi)
    _limit(confinement)
    seccomp.install(confinement.filter_program)


def _limit(confinement: Confinement) -> None:
    limits = {
        resource.RLIMIT_AS: confinement.memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 4,  # the four that are open
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    # SIGXCPU at the first limit says why the process ended; code that ignores it meets SIGKILL at the second.
    resource.setrlimit(resource.RLIMIT_CPU, (confinement.cpu_seconds, confinement.cpu_seconds + 1))
