"""Why a session's process ended, as the breach to raise."""

from __future__ import annotations

import os
import signal

from .inside.session import CRASH_EXIT, MEMORY_EXIT, OUTPUT_EXIT
from .interface import (
    DeadlineExceeded,
    MemoryExceeded,
    OutputExceeded,
    SandboxError,
    SandboxUnavailable,
    SessionDied,
)
from .limits import Limits

_CPU_CLOCKS_AGREE = 0.5  # the kernel enforces CPU limits by a coarser clock than the one it reports


def explain(status: int, cpu_seconds: float, limits: Limits) -> SandboxError:
    """The error for a process that ended with wait status `status` after `cpu_seconds` of CPU time."""
    if os.WIFSIGNALED(status):
        return _signalled(os.WTERMSIG(status), cpu_seconds, limits)
    code = os.WEXITSTATUS(status)
    if code == MEMORY_EXIT:
        return MemoryExceeded(f"the session wanted more memory than its {limits.memory_bytes >> 20} MiB")
    if code == OUTPUT_EXIT:
        return OutputExceeded(f"the call returned or printed more than {limits.output_bytes} bytes")
    if code == CRASH_EXIT:
        return SessionDied("the session's answering loop was broken by a tool")
    return SessionDied(f"the session's process exited with status {code}")


def _signalled(number: int, cpu_seconds: float, limits: Limits) -> SandboxError:
    if number == signal.SIGSYS:
        return SessionDied("the session was ended by the kernel for a forbidden system call")
    at_hard_limit = number == signal.SIGKILL and cpu_seconds >= limits.cpu_seconds * _CPU_CLOCKS_AGREE
    if number == signal.SIGXCPU or at_hard_limit:
        return DeadlineExceeded(f"the session used up its {limits.cpu_seconds} s of CPU time")
    if number == signal.SIGKILL:  # which the code cannot send to itself
        return SandboxUnavailable("the session was killed from outside, perhaps by the out-of-memory killer")
    return SessionDied(f"the session crashed: {signal.Signals(number).name}")
