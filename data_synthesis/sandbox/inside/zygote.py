"""The warm interpreter: waits for orders on its control socket and forks one confined child per session.

It is single-threaded, holds no secret, and ends when its control socket closes, that is, when its owner does.
Orders are nine bytes, an operation and a session number; OPEN carries the session's channel as a descriptor.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import NoReturn

from . import clock, confine, landlock, preload, seccomp, session
from .syscalls import CHANNEL

ORDER = struct.Struct(">cQ")
OPEN, KILL, AUTOPSY = b"O", b"K", b"A"
READY = struct.Struct(">i")  # the Landlock ABI
CAUSE = struct.Struct(">id")  # wait status, CPU seconds
_HIGH_DESCRIPTOR = 10  # above the four that sessions use
_DYING_SECONDS = 0.05


class Zygote:
    def __init__(self, control: socket.socket, confinement: confine.Confinement):
        self.control = control
        self.confinement = confinement
        self.alive: dict[int, int] = {}  # session -> process
        self.dead: dict[int, tuple[int, float]] = {}  # session -> wait status, CPU seconds
        self.wakeup = _child_wakeup()

    def run(self) -> None:
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.wakeup, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self.wakeup:
                    os.read(self.wakeup, 4096)
                    self.reap()
                elif not self.obey():
                    return

    def obey(self) -> bool:
        """Carries out one order; False when there will be no more."""
        order, descriptors, _, _ = socket.recv_fds(self.control, ORDER.size, 1)
        if len(order) < ORDER.size:
            return False
        operation, number = ORDER.unpack(order)
        if operation == OPEN:
            self.open(number, descriptors[0])
        elif operation == KILL:
            self.kill(number)
            self.dead.pop(number, None)
        else:
            self.control.sendall(CAUSE.pack(*self.autopsy(number)))
        return True

    def open(self, number: int, channel: int) -> None:
        parent = os.getpid()
        try:
            process = os.fork()
            if process == 0:
                _become_session(channel, self.confinement, parent)
            self.alive[number] = process
        except OSError:
            pass  # no process to be had: the owner sees the channel close before any hello
        finally:
            os.close(channel)

    def kill(self, number: int) -> None:
        process = self.alive.pop(number, None)
        if process is not None:
            _kill(process)

    def reap(self) -> None:
        sessions = {process: number for number, process in self.alive.items()}
        with contextlib.suppress(ChildProcessError):
            while True:
                process, status, usage = os.wait4(-1, os.WNOHANG)
                if process == 0:
                    return
                if process in sessions:
                    self.bury(sessions[process], status, usage)

    def bury(self, number: int, status: int, usage: resource.struct_rusage) -> None:
        self.alive.pop(number, None)
        self.dead[number] = (status, usage.ru_utime + usage.ru_stime)

    def autopsy(self, number: int) -> tuple[int, float]:
        """How session `number` ended. One that only let go of its channel is ended now."""
        give_up = time.monotonic() + _DYING_SECONDS
        while number in self.alive:
            process, status, usage = os.wait4(self.alive[number], os.WNOHANG)
            if process:
                self.bury(number, status, usage)
            elif time.monotonic() > give_up:
                _kill(self.alive[number])
            else:
                time.sleep(0.0005)
        return self.dead.pop(number, (0, 0.0))


def _become_session(channel: int, confinement: confine.Confinement, parent: int) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(channel, CHANNEL)
        os.closerange(CHANNEL + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        gc.enable()
        confine.confine(confinement, parent)
        hello = {"ready": True}
    except Exception as error:
        hello = {"ready": False, "problem": str(error)}
    session.start(CHANNEL, hello, confinement.output_bytes)


def _kill(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except ProcessLookupError:  # it has not made its group yet, or is gone
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _child_wakeup() -> int:
    """A descriptor that turns readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    return reading


def main() -> None:
    """Arguments: the control socket's descriptor, and the settings as JSON."""
    control_descriptor, settings = int(sys.argv[2]), json.loads(sys.argv[3])
    os.dup2(control_descriptor, _HIGH_DESCRIPTOR)
    os.closerange(3, _HIGH_DESCRIPTOR)
    os.closerange(_HIGH_DESCRIPTOR + 1, 1 << 16)
    control = socket.socket(fileno=_HIGH_DESCRIPTOR)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for name in os.environ.keys() - {"TZ"}:
        del os.environ[name]
    sys.path[:] = [entry for entry in sys.path if entry != sys.argv[1]]
    preload.preload()
    if shift := settings.pop("clock_shift"):
        clock.move(shift)
    confinement = _confinement(**settings)
    if confinement.level != confine.NONE:
        confine.drop_privileges()
    gc.collect()
    gc.disable()
    gc.freeze()
    os.dup2(0, 2)  # from here on nobody reads what is printed
    control.sendall(READY.pack(confinement.landlock_abi))
    Zygote(control, confinement).run()


def _confinement(level: int, memory_bytes: int, cpu_seconds: int, output_bytes: int) -> confine.Confinement:
    if level == confine.NONE:
        return confine.Confinement(level, memory_bytes, cpu_seconds, output_bytes, 0, b"")
    program = seccomp.program(os.uname().machine)
    return confine.Confinement(level, memory_bytes, cpu_seconds, output_bytes, landlock.abi(), program)
