"""Runs untrusted Python on a server that offers SandboxFusion's `POST /run_code`.

The server decides how code is confined. Each call is one program, which carries the sources along: nothing that a tool
keeps between calls survives, unlike in a local session. The ordinary world is the server's own, so that its hash seed
may be another one in each call; for any other world the program starts itself anew, which needs a server that runs
Linux and lets a program execute its interpreter.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from . import http_post, remote_program, replies
from .interface import (
    BadArguments,
    Breach,
    ConfinementLevel,
    DeadlineExceeded,
    MemoryExceeded,
    OutputExceeded,
    SandboxUnavailable,
    SessionDied,
    SourceError,
    Usage,
)
from .limits import Limits
from .world import ORDINARY, World

_START_SECONDS = 1.0  # for the server's interpreter to start; comes on top of a call's deadline
_ANSWER_SECONDS = 10.0  # for the server to queue the program and to answer, on top of that
_PAUSE_SECONDS = 0.2  # before the first retry; doubles


class RemoteSandbox:
    """Sends programs to `url`, whose `/run_code` follows SandboxFusion.

    Args:
        level: the confinement that the server's operator vouches for; this side cannot see it.
        attempts: how often a program is sent before the server counts as unavailable. Programs keep no state, so
            sending one again is harmless.
    """

    def __init__(
        self,
        url: str,
        *,
        level: ConfinementLevel = ConfinementLevel.NONE,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        attempts: int = 3,
    ):
        self.url = url.rstrip("/")
        self.limits = limits
        self._level = level
        self._attempts = attempts

    @property
    def level(self) -> ConfinementLevel:
        return self._level

    def describe(self) -> str:
        """One line that states what is known of the confinement."""
        return f"remote sandbox at {self.url}: level {self._level.value} {self._level.name}, as its operator says"

    def open(
        self, sources: Mapping[str, str], *, world: World = ORDINARY, traced: bool = False
    ) -> RemoteSession:
        """Has the server load the sources once, to see that they do. Raises what `Sandbox.open` says."""
        session = RemoteSession(self, dict(sources), world, traced)
        session.check()
        return session

    def close(self) -> None:
        """Nothing is held between calls."""

    def __enter__(self) -> RemoteSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, program: str, deadline: float) -> dict[str, Any]:
        """The server's `run_result` for a program. Raises SandboxUnavailable after the last attempt."""
        body = {
            "code": program,
            "language": "python",
            "run_timeout": deadline + _START_SECONDS,
            "memory_limit_MB": self.limits.memory_bytes >> 20,
        }
        for attempt in range(self._attempts):
            time.sleep(_PAUSE_SECONDS * (2**attempt - 1))
            give_up = time.monotonic() + deadline + _START_SECONDS + _ANSWER_SECONDS
            try:
                return self._post(body, give_up)
            except http_post.Failed as error:
                problem = error
                if not error.temporary:
                    break
        raise SandboxUnavailable(f"the sandbox server {self.url} does not run programs: {problem}")

    def _post(self, body: dict[str, Any], give_up: float) -> dict[str, Any]:
        largest = 8 * self.limits.output_bytes + (1 << 20)  # stdout is JSON that is escaped inside JSON
        answer = http_post.post(f"{self.url}/run_code", json.dumps(body).encode(), largest, give_up)
        try:
            run = replies.parse(answer)
            if run["status"] == "SandboxError":
                raise http_post.Failed(f"it reports SandboxError: {run.get('message')}", temporary=True)
            if isinstance(run["run_result"]["stdout"], str):
                return run["run_result"]
        except (replies.Malformed, KeyError, TypeError, AttributeError):
            pass
        raise http_post.Failed(f"its answer is not a run result: {answer[:200]!r}", temporary=True)


class RemoteSession:
    """Implements `SandboxSession`, but for state: each call starts from freshly loaded sources."""

    def __init__(
        self, sandbox: RemoteSandbox, sources: dict[str, str], world: World = ORDINARY, traced: bool = False
    ):
        self._sandbox, self._sources, self._world, self._traced = sandbox, sources, world, traced
        self._usage = Usage()
        self._breach: Breach | None = None
        self._closed = False

    def check(self) -> None:
        """Loads the sources. Raises what `Sandbox.open` says."""
        marker = secrets.token_hex(16)
        try:
            program = self._program(None, marker)
        except (TypeError, ValueError, RecursionError) as error:
            raise SourceError(f"the sources are not text: {error}") from error
        self._result(program, marker, self._sandbox.limits.load_seconds)

    def call(self, name: str, arguments: Mapping[str, JsonValue], deadline: float = 2.0) -> JsonValue:
        """Calls the function `name(**arguments)` in a program of its own and returns its JSON result.

        Raises:
            CallError, Breach, SandboxUnavailable: as `SandboxSession.call` says.
        """
        if self._breach:
            raise type(self._breach)(*self._breach.args)
        if self._closed:
            raise SandboxUnavailable("the session is closed; open another")
        marker = secrets.token_hex(16)
        try:
            program = self._program({"name": name, "arguments": dict(arguments)}, marker)
        except (TypeError, ValueError, RecursionError) as error:
            raise BadArguments(f"the arguments of {name!r} are not JSON: {error}") from error
        return self._result(program, marker, deadline)

    def usage(self) -> Usage:
        """What the session's programs have used up to now. Raises what `SandboxSession.usage` says."""
        if self._breach:
            raise type(self._breach)(*self._breach.args)
        self._traced = False
        return self._usage

    def close(self) -> None:
        """Ends the session. Safe to call twice."""
        self._closed = True

    def __enter__(self) -> RemoteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _program(self, call: dict[str, Any] | None, marker: str) -> str:
        return remote_program.write(self._sources, call, marker, self._world, self._traced)

    def _result(self, program: str, marker: str, deadline: float) -> JsonValue:
        run = self._sandbox.run(program, deadline)
        try:
            reply = _reply(run, marker, self._sandbox.limits)
            self._usage = _sum(self._usage, replies.usage(reply.get("usage")))
            return replies.result(reply)
        except replies.Malformed as error:
            self._breach = SessionDied(f"the program left the protocol: {error}")
        except Breach as breach:
            self._breach = breach
        raise self._breach


def _sum(before: Usage, more: Usage) -> Usage:
    lines = {tool: found | before.lines.get(tool, frozenset()) for tool, found in more.lines.items()}
    return Usage(
        max(before.load_seconds, more.load_seconds),
        before.call_seconds + more.call_seconds,
        lines or before.lines,
    )


def _reply(run: dict[str, Any], marker: str, limits: Limits) -> dict[str, Any]:
    """The reply of a program. It was written by untrusted code."""
    if run.get("status") == "TimeLimitExceeded":
        raise DeadlineExceeded("the program outlived its deadline on the sandbox server")
    line = remote_program.reply_line(run["stdout"], marker)
    if line is None:
        raise SessionDied(f"the program ended with status {run.get('return_code')} before it had a result")
    if len(line) > limits.output_bytes + replies.ENVELOPE_BYTES:
        raise OutputExceeded(f"the call returned more than {limits.output_bytes} bytes")
    reply = replies.parse(line.encode())
    if not isinstance(reply, dict):
        raise replies.Malformed("not an object")
    if reply.get("error") == "MemoryError":
        raise MemoryExceeded(f"the program wanted more memory than its {limits.memory_bytes >> 20} MiB")
    if reply.get("error") == remote_program.NO_SUCH_WORLD:
        raise SandboxUnavailable(f"the sandbox server has no other world to offer: {reply.get('message')}")
    return reply
