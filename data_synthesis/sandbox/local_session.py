"""One confined process, seen from its owner."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from . import replies
from .channel import Channel, TooLong
from .deaths import explain
from .interface import (
    BadArguments,
    CallError,
    DeadlineExceeded,
    OutputExceeded,
    SandboxError,
    SandboxUnavailable,
    SessionDied,
    SourceError,
    Usage,
)
from .limits import Limits
from .warm import WarmInterpreter

_USAGE_SECONDS = 5.0


class LocalSession:
    """Implements `SandboxSession`. Calls from several threads take turns."""

    def __init__(self, warm: WarmInterpreter, number: int, channel: Channel, limits: Limits):
        self._warm, self._number, self._channel, self._limits = warm, number, channel, limits
        self._lock = threading.Lock()
        self._end: SandboxError | None = None  # why there can be no more calls
        self._load_by = time.monotonic() + limits.load_seconds
        self._hear_hello()

    def load(self, sources: Mapping[str, str], traced: bool = False) -> None:
        """Loads tools. Raises what `Sandbox.open` says."""
        request = {"load": dict(sources), "traced": traced}
        with self._lock:
            self._ask(request, self._load_by, SourceError, "loading the sources")

    def call(self, name: str, arguments: Mapping[str, JsonValue], deadline: float = 2.0) -> JsonValue:
        """Calls the function `name(**arguments)` and returns its JSON result.

        Raises:
            CallError, Breach, SandboxUnavailable: as `SandboxSession.call` says.
        """
        give_up = time.monotonic() + deadline
        with self._lock:
            request = {"name": name, "arguments": dict(arguments)}
            return self._ask(request, give_up, BadArguments, f"the call of {name!r} ({deadline:g} s allowed)")

    def usage(self) -> Usage:
        """What the session has used up to now. Raises what `SandboxSession.usage` says."""
        give_up = time.monotonic() + _USAGE_SECONDS
        with self._lock:
            said = self._ask({"usage": True}, give_up, BadArguments, "the account of what was used")
            try:
                return replies.usage(said)
            except replies.Malformed as error:
                broken = SessionDied(f"the session left the protocol: {error}")
                self._finish(broken)
                raise broken from None

    def close(self) -> None:
        """Ends the process. Safe to call twice."""
        with self._lock:
            self._finish(SandboxUnavailable("the session is closed; open another"))

    def __enter__(self) -> LocalSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, request: dict[str, Any], give_up: float, unsendable: type[CallError], what: str
    ) -> JsonValue:
        if self._end:
            raise type(self._end)(*self._end.args)
        nonce = secrets.token_hex(8)  # a reply that was forged before the question cannot carry it
        try:
            message = json.dumps({"id": nonce, **request}, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise unsendable(f"{what}: not JSON: {error}") from error
        try:
            return _unwrap(self._exchange(message, give_up, what), nonce)
        except replies.Malformed as error:
            broken = SessionDied(f"{what} left the protocol: {error}")
            self._finish(broken)
            raise broken from None
        except CallError:
            raise
        except SandboxError as error:
            self._finish(error)
            raise
        except BaseException:  # interrupted halfway: the next reply would be this one's
            self._finish(SandboxUnavailable("the session was interrupted in a call; open another"))
            raise

    def _exchange(self, message: bytes, give_up: float, what: str) -> Any:
        try:
            self._channel.send(message, give_up)
            return self._channel.receive(self._limits.output_bytes + replies.ENVELOPE_BYTES, give_up)
        except TimeoutError:
            raise DeadlineExceeded(f"{what} outlived its deadline") from None
        except TooLong as error:
            raise OutputExceeded(f"{what} returned {error}, above the cap") from None
        except EOFError:
            raise explain(*self._warm.autopsy(self._number), self._limits) from None

    def _hear_hello(self) -> None:
        try:
            hello = self._channel.receive(replies.ENVELOPE_BYTES, self._load_by)
        except (TimeoutError, EOFError):
            hello = {"problem": "its process did not come up"}
        if not hello.get("ready"):
            error = SandboxUnavailable(f"a session could not be confined: {hello['problem']}")
            self._finish(error)
            raise error

    def _finish(self, why: SandboxError) -> None:
        if self._end is None:
            self._end = why
            self._channel.close()
            self._warm.kill(self._number)


def _unwrap(reply: Any, nonce: str) -> JsonValue:
    if not isinstance(reply, dict) or reply.get("id") != nonce:
        raise replies.Malformed("answered out of turn")
    return replies.result(reply)
