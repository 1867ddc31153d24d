"""Calls of an arena's tools outside any episode, in sandbox sessions of their own."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from data_synthesis.arenas.episode import compact
from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.records import Arena
from data_synthesis.sandbox.interface import Breach, CallError, Sandbox, SandboxSession


@dataclass(frozen=True)
class Outcome:
    """What a call returned, or why it did not."""

    value: JsonValue = None
    error: str = ""
    breach: bool = False

    @property
    def text(self) -> str:
        """The outcome to the byte, errors included."""
        return f"failed: {self.error}" if self.error else compact(self.value)

    @property
    def refused(self) -> bool:
        """Whether the tool said no: it raised, or returned an error instead of an answer."""
        return bool(self.error) or _is_refusal(self.value)

    def contains(self, expected: JsonValue) -> bool:
        return not self.error and contains_answer(self.value, expected)


class Trial:
    """A fresh session, and another fresh one after each breach. Used as a context manager.

    Raises, from every method:
        SourceError, Breach: a source does not load.
        SandboxUnavailable: the sandbox failed, which says nothing about the arena.
    """

    def __init__(self, arena: Arena, sandbox: Sandbox):
        self._sandbox = sandbox
        self._sources = {tool.name: tool.source for tool in [*arena.tools, *arena.distractors]}
        self._session: SandboxSession | None = None

    def __enter__(self) -> Trial:
        self._session = self._sandbox.open(self._sources)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def call(self, name: str, arguments: dict[str, JsonValue], deadline: float) -> Outcome:
        if self._session is None:
            self._session = self._sandbox.open(self._sources)
        try:
            return Outcome(self._session.call(name, arguments, deadline=deadline))
        except CallError as error:
            return Outcome(error=str(error) or type(error).__name__)
        except Breach as error:
            self._close()
            return Outcome(error=str(error) or type(error).__name__, breach=True)

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _is_refusal(value: JsonValue) -> bool:
    if isinstance(value, str):
        return value.lower().startswith("error")
    if isinstance(value, dict):
        said_no = value.get("success") is False or value.get("ok") is False
        return said_no or bool(value.get("error")) or value.get("status") in ("error", "failed", "not_found")
    return value is None
