"""Calls of tools outside any episode, in a sandbox session of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from data_synthesis.arenas.episode import compact
from data_synthesis.arenas.refusal import is_refusal
from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.sandbox.interface import (
    Breach,
    CallError,
    DeadlineExceeded,
    Sandbox,
    SandboxSession,
    Usage,
)
from data_synthesis.sandbox.world import ORDINARY, World


@dataclass(frozen=True)
class Outcome:
    """What a call returned, or why it did not."""

    value: JsonValue = None
    error: str = ""
    breach: bool = False
    late: bool = False  # the breach of a deadline

    @property
    def text(self) -> str:
        """The outcome to the byte, errors included."""
        return f"failed: {self.error}" if self.error else compact(self.value)

    @property
    def refused(self) -> bool:
        """Whether the tool seems to say no: it raised, or returned what reads like an error (`Evidence.answered`)."""
        return bool(self.error) or is_refusal(self.value)

    def contains(self, expected: JsonValue) -> bool:
        return not self.error and contains_answer(self.value, expected)


class Trial:
    """A fresh session, and another fresh one after each breach. Used as a context manager.

    Raises, from every method:
        SourceError, Breach: a source does not load.
        SandboxUnavailable: the sandbox failed, which says nothing about the arena.
    """

    def __init__(
        self, sources: Mapping[str, str], sandbox: Sandbox, world: World = ORDINARY, *, traced: bool = False
    ):
        self._sources, self._sandbox, self._world, self._traced = sources, sandbox, world, traced
        self._session: SandboxSession | None = None
        self._breached = False

    def __enter__(self) -> Trial:
        self._session = self._open(self._traced)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def call(self, name: str, arguments: dict[str, JsonValue], deadline: float) -> Outcome:
        if self._session is None:
            self._session = self._open(False)
        try:
            return Outcome(self._session.call(name, arguments, deadline=deadline))
        except CallError as error:
            return Outcome(error=str(error) or type(error).__name__)
        except Breach as error:
            self._close()
            self._breached = True
            late = isinstance(error, DeadlineExceeded)
            return Outcome(error=str(error) or type(error).__name__, breach=True, late=late)

    def usage(self) -> Usage | None:
        """What all calls up to now have used; unknown after a breach, which takes the account along."""
        return None if self._breached or self._session is None else self._session.usage()

    def _open(self, traced: bool) -> SandboxSession:
        # A sandbox that knows only the ordinary world need not know that there are others.
        if self._world == ORDINARY and not traced:
            return self._sandbox.open(self._sources)
        return self._sandbox.open(self._sources, world=self._world, traced=traced)

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
