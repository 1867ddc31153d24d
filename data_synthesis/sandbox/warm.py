"""The owner's handle on the warm interpreter from which sessions are forked."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from pathlib import Path

from .bubblewrap import Bubblewrap, interpreter
from .inside import zygote
from .interface import ConfinementLevel, SandboxUnavailable
from .limits import Limits
from .world import World

_START_SECONDS = 20.0
_CONTROL_SECONDS = 5.0
_STOP_SECONDS = 2.0
_DYING_SECONDS = 0.2
# Short of memory, the kernel should take sessions before the process that owns them; the score is inherited.
_KILL_ME_FIRST = ["/bin/sh", "-c", '{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec "$@"', "sh"]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from inside.zygote import main; main()"


class WarmInterpreter:
    """A process started by exec, never by forking this one, which may hold devices and threads.

    Raises:
        SandboxUnavailable: it did not start.
    """

    def __init__(self, level: ConfinementLevel, limits: Limits, wrapper: Bubblewrap | None, world: World):
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_START_SECONDS)
        with theirs:
            self._process = _spawn(theirs.fileno(), level, limits, wrapper, world)
        self.landlock_abi = self._greet()

    def fork(self, number: int) -> socket.socket:
        """Starts session `number` and returns the owner's end of its channel."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._order(zygote.OPEN, number, theirs.fileno())
            except SandboxUnavailable:
                ours.close()
                raise
        return ours

    def kill(self, number: int) -> None:
        """Ends session `number`. Does not wait for it, and does not mind when everything has ended already."""
        with contextlib.suppress(SandboxUnavailable):
            self._order(zygote.KILL, number)

    def autopsy(self, number: int) -> tuple[int, float]:
        """The wait status and CPU seconds of session `number`, whose channel has closed."""
        with self._lock:
            self._send(zygote.AUTOPSY, number)
            try:
                status, cpu_seconds = zygote.CAUSE.unpack(self._receive(zygote.CAUSE.size))
            except BaseException:
                self._control.close()  # a late answer must not be taken for the next one
                raise
        return status, cpu_seconds

    def alive(self) -> bool:
        """Whether this process can use it. A process forked from the owner cannot, and needs its own."""
        ours = os.getpid() == self._owner
        return ours and self._control.fileno() >= 0 and self._process.poll() is None

    def has_died(self) -> bool:
        """Whether it can no longer be used. Waits a moment for one that is just dying."""
        if self.alive():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DYING_SECONDS)
        return not self.alive()

    def stop(self) -> None:
        """Ends the interpreter and, with it, every session, unless they are another process's."""
        with self._lock:
            self._control.close()
        if os.getpid() != self._owner:
            return
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, operation: bytes, number: int, *descriptors: int) -> None:
        with self._lock:
            self._send(operation, number, *descriptors)

    def _send(self, operation: bytes, number: int, *descriptors: int) -> None:
        if os.getpid() != self._owner:
            raise SandboxUnavailable(
                "this sandbox belongs to the process that made it; make one after the fork"
            )
        try:
            socket.send_fds(self._control, [zygote.ORDER.pack(operation, number)], descriptors)
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox's interpreter is gone: {error}") from error

    def _receive(self, size: int) -> bytes:
        try:
            answer = self._control.recv(size, socket.MSG_WAITALL)
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox's interpreter does not answer: {error}") from error
        if len(answer) < size:
            raise SandboxUnavailable("the sandbox's interpreter is gone")
        return answer

    def _greet(self) -> int:
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            try:
                (landlock_abi,) = zygote.READY.unpack(self._receive(zygote.READY.size))
            except SandboxUnavailable as error:
                self.stop()
                os.set_blocking(errors.fileno(), False)  # something may still hold the other end
                lines = (errors.read() or b"").decode(errors="replace").strip().splitlines()
                problem = lines[-1] if lines else error
                raise SandboxUnavailable(f"the sandbox's interpreter did not start: {problem}") from None
        self._control.settimeout(_CONTROL_SECONDS)
        return landlock_abi


def _spawn(
    control: int, level: ConfinementLevel, limits: Limits, wrapper: Bubblewrap | None, world: World
) -> subprocess.Popen[bytes]:
    settings = {
        "level": min(level, ConfinementLevel.LANDLOCK),
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
        "output_bytes": limits.output_bytes,
        "clock_shift": world.clock_shift,
    }
    here = str(Path(__file__).parent)
    command = [*interpreter(), "-c", _BOOT, here, str(control), json.dumps(settings)]
    wrapped = wrapper.wrap(command, world.environment) if wrapper else command
    return subprocess.Popen(
        [*_KILL_ME_FIRST, *wrapped],
        env=world.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(control,),
        start_new_session=True,
        cwd="/",
    )
