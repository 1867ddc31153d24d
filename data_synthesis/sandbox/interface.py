"""What a sandbox promises: untrusted Python runs with no network, no files and bounded resources.

A breach ends the session that committed it and no other. `SandboxError` splits in three:
the code misbehaved and its session lives (`CallError`), the code misbehaved and its session is dead (`Breach`),
or the sandbox itself failed (`SandboxUnavailable`), which is never the code's fault and never a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from pydantic import JsonValue

from .world import ORDINARY, World


class ConfinementLevel(IntEnum):
    """How much stands between untrusted code and the machine. Higher is stronger."""

    NONE = 0  # a plain subprocess; only on explicit request
    SECCOMP = 1  # rlimits and a system-call allowlist that cannot open files
    LANDLOCK = 2  # the above and a file-system and network rule set
    NAMESPACES = 3  # the above, inside bubblewrap's namespaces


class SandboxError(Exception):
    """Anything a sandbox can raise."""


class CallError(SandboxError):
    """The call failed and the session lives on."""


class SourceError(CallError):
    """A tool's source does not load: syntax error, exception at import, no function of its name."""


class UnknownTool(CallError):
    """No source of that name was given to `open`."""


class BadArguments(CallError):
    """The arguments do not fit the function's signature."""


class ToolRaised(CallError):
    """The tool raised an exception; the message carries its type and text."""


class NotJson(CallError):
    """The tool returned something that is not JSON."""


class Breach(SandboxError):
    """The code broke a bound; its session is dead."""


class DeadlineExceeded(Breach):
    """The call outlived its wall-clock or CPU deadline."""


class MemoryExceeded(Breach):
    """The call wanted more memory than a session has."""


class OutputExceeded(Breach):
    """The call's result is larger than the output cap."""


class SessionDied(Breach):
    """The session's process ended: a forbidden system call, a crash, an exit."""


class SandboxUnavailable(SandboxError):
    """The sandbox could not be started, or offers less confinement than was asked for."""


@dataclass(frozen=True)
class Usage:
    """What a session has used since it was opened.

    Attributes:
        load_seconds: CPU time that loading the sources took.
        call_seconds: CPU time of each call, in order, those that failed included.
        lines: tool -> the lines of its source that were executed, while loading too; none unless that was traced.
    """

    load_seconds: float = 0.0
    call_seconds: tuple[float, ...] = ()
    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)


class SandboxSession(Protocol):
    """One confined process holding the tools of one arena. State lives as long as the session."""

    def call(self, name: str, arguments: Mapping[str, JsonValue], deadline: float = 2.0) -> JsonValue:
        """Calls the function `name(**arguments)` and returns its JSON result.

        Args:
            deadline: wall-clock seconds for this call.

        Raises:
            CallError: the call failed; the session can be used again.
            Breach: the session is dead; every later call raises the same breach.
            SandboxUnavailable: the sandbox failed, not the code.
        """
        ...

    def usage(self) -> Usage:
        """What the session has used up to now. What it calls afterwards is not traced any more.

        Raises:
            Breach: the session is dead.
            SandboxUnavailable: the sandbox failed, not the code.
        """
        ...

    def close(self) -> None:
        """Ends the process. Safe to call twice."""
        ...


class Sandbox(Protocol):
    """Opens sessions. Implementations: `LocalSandbox` (confined processes) and `RemoteSandbox` (HTTP)."""

    @property
    def level(self) -> ConfinementLevel: ...

    def open(
        self, sources: Mapping[str, str], *, world: World = ORDINARY, traced: bool = False
    ) -> SandboxSession:
        """Starts a session in which each source is loaded once, in a namespace of its own.

        Args:
            sources: tool name -> Python source that defines a function of that name.
            world: the surroundings of the session; episodes are played in the ordinary one.
            traced: whether to note which lines are executed, which makes every call slower.

        Raises:
            SourceError: a source does not load; the message names the tool.
            Breach: a source broke a bound while it was loading.
            SandboxUnavailable: no session could be started.
        """
        ...

    def close(self) -> None: ...
