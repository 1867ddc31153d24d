"""The bounds of a session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one session may use. The deadline of a call is an argument of the call.

    Attributes:
        memory_bytes: address space of the session's process, of which the interpreter takes some 32 MiB.
        cpu_seconds: CPU time over the session's whole life. Wall-clock deadlines normally come first.
        output_bytes: the JSON of one result; also what one call may print, all of which is discarded.
        load_seconds: wall-clock time for starting the session and loading all its sources.
    """

    memory_bytes: int = 256 << 20
    cpu_seconds: int = 60
    output_bytes: int = 1 << 20
    load_seconds: float = 5.0
