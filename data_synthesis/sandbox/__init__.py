"""Runs untrusted Python with no network, no files and bounded resources."""

from .interface import (
    BadArguments,
    Breach,
    CallError,
    ConfinementLevel,
    DeadlineExceeded,
    MemoryExceeded,
    NotJson,
    OutputExceeded,
    Sandbox,
    SandboxError,
    SandboxSession,
    SandboxUnavailable,
    SessionDied,
    SourceError,
    ToolRaised,
    UnknownTool,
    Usage,
)
from .limits import Limits
from .local import LocalSandbox
from .remote import RemoteSandbox
from .world import ELSEWHERE, ORDINARY, World

__all__ = [
    "ELSEWHERE",
    "ORDINARY",
    "BadArguments",
    "Breach",
    "CallError",
    "ConfinementLevel",
    "DeadlineExceeded",
    "Limits",
    "LocalSandbox",
    "MemoryExceeded",
    "NotJson",
    "OutputExceeded",
    "RemoteSandbox",
    "Sandbox",
    "SandboxError",
    "SandboxSession",
    "SandboxUnavailable",
    "SessionDied",
    "SourceError",
    "ToolRaised",
    "UnknownTool",
    "Usage",
    "World",
]
