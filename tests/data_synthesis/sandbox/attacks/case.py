"""A case: the body of a function `attack(w)`, and how to tell that it worked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .world import SECRET, World


@dataclass(frozen=True)
class Outcome:
    """What the caller of an attack saw of it."""

    value: Any = None
    error: str = ""
    output_bytes: int = 0  # that reached the caller
    seconds: float = 0.0
    broke_caller: bool = False  # the caller got an error that no caller expects


Worked = Callable[[World, Outcome], bool]


@dataclass(frozen=True)
class Attack:
    """One attempt.

    Attributes:
        body: of `attack(w)`, where `w` holds the world's facts; the preamble's names are there too.
        needs: what it takes to work at all that a machine may lack; empty where it works everywhere.
        in_process: its victim is a caller that runs tools in its own process.
        deadline: seconds that the sandbox gives it.
    """

    name: str
    body: str
    worked: Worked
    needs: str = ""
    in_process: bool = False
    deadline: float = 5.0

    @property
    def source(self) -> str:
        lines = self.body.strip("\n").splitlines()
        return PREAMBLE + "def attack(w):\n" + "\n".join("    " + line for line in lines) + "\n"


def gives_secret(_: World, outcome: Outcome) -> bool:
    return outcome.value == SECRET


def gives_true(_: World, outcome: Outcome) -> bool:
    return outcome.value is True


def made(world: World, _: Outcome) -> bool:
    """The folder holds something called `made`."""
    return (world.folder / "made").exists()


def made_later(world: World, outcome: Outcome) -> bool:
    """As `made`, but by something that the attack left behind."""
    give_up = time.monotonic() + 0.3 + world.patience
    while time.monotonic() < give_up and not made(world, outcome):
        time.sleep(0.02)
    return made(world, outcome)


# `call` makes a raw system call, so that the kernel's answer is tested and not the C library's.
PREAMBLE = """
import ctypes, json, os, resource, signal, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
X86 = os.uname().machine == "x86_64" if "MACHINE" not in globals() else MACHINE == "x86_64"
NUMBERS = dict(
    clone=(56, 220), clone3=(435, 435), tgkill=(234, 131), rt_sigqueueinfo=(129, 138), ptrace=(101, 117),
    process_vm_readv=(310, 270), process_vm_writev=(311, 271), unshare=(272, 97), mount=(165, 40), chroot=(161, 51),
    keyctl=(250, 219), bpf=(321, 280), perf_event_open=(298, 241), userfaultfd=(323, 282), io_uring_setup=(425, 425),
    memfd_create=(319, 279), prctl=(157, 167), personality=(135, 92), shmget=(29, 194), shmctl=(31, 195),
    inotify_init1=(294, 26), syslog=(103, 116), seccomp=(317, 277), openat2=(437, 437), pidfd_getfd=(438, 438),
)

def call(name, *arguments):
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(NUMBERS[name][not X86]), *whole)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result

"""
