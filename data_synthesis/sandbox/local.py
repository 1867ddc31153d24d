"""Runs untrusted Python in confined processes of this machine."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Mapping

from . import bubblewrap
from .channel import Channel
from .interface import ConfinementLevel, SandboxError, SandboxUnavailable
from .limits import Limits
from .local_session import LocalSession
from .warm import WarmInterpreter
from .world import ORDINARY, World

_log = logging.getLogger(__name__)


class LocalSandbox:
    """Sessions are forked from a warm interpreter and confined by the kernel. Threads may share a sandbox.

    There is one interpreter for each world that is asked for; all but the ordinary one's start at their first use.

    The strongest level that works on this machine, between `minimum` and `maximum`, is used and logged.

    Raises:
        SandboxUnavailable: no level from `minimum` up works here; the message says why and what to do.
    """

    def __init__(
        self,
        minimum: ConfinementLevel = ConfinementLevel.SECCOMP,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        *,
        maximum: ConfinementLevel = ConfinementLevel.NAMESPACES,
    ):
        self.limits = limits
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._closed = False
        self._problems: list[str] = []  # with levels above the one that is used
        self._level, ordinary = self._strongest(minimum, maximum)
        self._landlock_abi = ordinary.landlock_abi
        self._warm = {ORDINARY: ordinary}
        log = _log.warning if self._level == ConfinementLevel.NONE else _log.info
        log("%s", self.describe())

    @property
    def level(self) -> ConfinementLevel:
        return self._level

    def describe(self) -> str:
        """One line that states what stands between tools and this machine."""
        kernel = os.uname()
        walls = []
        if self._level == ConfinementLevel.NAMESPACES:
            walls.append(f"bubblewrap {bubblewrap.probe().version}")
        if self._level >= ConfinementLevel.LANDLOCK:
            walls.append(f"Landlock ABI {self._landlock_abi}")
        if self._level >= ConfinementLevel.SECCOMP:
            mebibytes, cpu_seconds = self.limits.memory_bytes >> 20, self.limits.cpu_seconds
            walls.append(f"seccomp allowlist for {kernel.machine}")
            walls.append(f"{mebibytes} MiB and {cpu_seconds} CPU s a session")
        line = (
            f"sandbox level {self._level.value} {self._level.name}: {', '.join(walls) or 'NO CONFINEMENT'}; "
            f"{kernel.sysname} {kernel.release}"
        )
        return f"{line}; not {'; not '.join(self._problems)}" if self._problems else line

    def open(
        self, sources: Mapping[str, str], *, world: World = ORDINARY, traced: bool = False
    ) -> LocalSession:
        """Starts a session in which each source is loaded once, in a namespace of its own.

        Raises:
            SourceError, Breach, SandboxUnavailable: as `Sandbox.open` says.
        """
        session = self._fork(world)
        try:
            session.load(sources, traced)
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Ends every session and every interpreter. Safe to call twice."""
        with self._lock:
            self._closed = True
            while self._warm:
                self._warm.popitem()[1].stop()

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fork(self, world: World) -> LocalSession:
        """A session without tools. An interpreter that turns out to have died is replaced, once."""
        warm = self._running(world)
        try:
            return self._session(warm)
        except SandboxUnavailable:
            if not warm.has_died():
                raise
        return self._session(self._running(world))

    def _session(self, warm: WarmInterpreter) -> LocalSession:
        number = next(self._numbers)
        return LocalSession(warm, number, Channel(warm.fork(number)), self.limits)

    def _running(self, world: World) -> WarmInterpreter:
        with self._lock:
            if self._closed:
                raise SandboxUnavailable("the sandbox is closed; make another")
            warm = self._warm.get(world)
            if warm is not None and not warm.alive():
                _log.warning("the sandbox's interpreter has died, or is another process's; starting one")
                self._warm.pop(world).stop()
            if world not in self._warm:
                self._warm[world] = self._start(self._level, world)
            return self._warm[world]

    def _strongest(
        self, minimum: ConfinementLevel, maximum: ConfinementLevel
    ) -> tuple[ConfinementLevel, WarmInterpreter]:
        for level in sorted(ConfinementLevel, reverse=True):
            if minimum <= level <= maximum:
                try:
                    return level, self._start(level, ORDINARY)
                except SandboxUnavailable as error:
                    self._problems.append(f"{level.name}: {error}")
        raise SandboxUnavailable(
            f"no confinement from level {minimum.name} up works here ({'; '.join(self._problems)}); put that right, "
            "use a RemoteSandbox, or ask for a lower minimum level if you trust the code"
        )

    def _start(self, level: ConfinementLevel, world: World) -> WarmInterpreter:
        wrapper = None
        if level == ConfinementLevel.NAMESPACES:
            wrapper = bubblewrap.probe()
            if wrapper.problem:
                raise SandboxUnavailable(wrapper.problem)
        warm = WarmInterpreter(level, self.limits, wrapper, world)
        try:
            self._session(warm).close()  # shows that this level's walls can be put up
        except SandboxError:
            warm.stop()
            raise
        return warm
