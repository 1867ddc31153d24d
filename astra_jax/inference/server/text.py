"""Text of tokens as they come: nothing is shown that a later token could change or take back."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from astra_jax.tokens import Tokenizer

_HALF = "\ufffd"  # what the decoder prints for bytes of a character that is not whole yet


class TextStream:
    """One completion's text.

    Attributes:
        matched: the stop string that ended it, which is not shown.
    """

    def __init__(self, tokenizer: Tokenizer, silent: Collection[int], stops: Sequence[str] = ()):
        """
        Args:
            silent: tokens that are not shown: those that end a turn.
            stops: texts that end the completion where they begin.
        """
        self._tokenizer, self._silent, self._stops = tokenizer, frozenset(silent), tuple(stops)
        self._ids: list[int] = []
        self._start = self._read = 0  # ids whose text is the context of what follows; ids whose text is known
        self._held = ""  # text that may be the beginning of a stop
        self.matched: str | None = None

    def add(self, token: int) -> str:
        """The text that has become certain by one more token."""
        if token in self._silent or self.matched is not None:
            return ""
        self._ids.append(token)
        now = self._tokenizer.decode(self._ids[self._start :])
        if now.endswith(_HALF):
            return ""
        return self._release(self._fresh(now))

    def close(self) -> str:
        """What was held back, when no token follows."""
        if self.matched is not None:
            return ""
        text = self._release(self._fresh(self._tokenizer.decode(self._ids[self._start :])))
        held, self._held = self._held, ""
        return text + held

    def _fresh(self, now: str) -> str:
        known = self._tokenizer.decode(self._ids[self._start : self._read])
        self._start, self._read = self._read, len(self._ids)
        return now[len(known) :]

    def _release(self, text: str) -> str:
        text = self._held + text
        found = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            at, self.matched = min(found)
            self._held = ""
            return text[:at]
        shown = len(text) - max((partial_tail(text, stop) for stop in self._stops), default=0)
        self._held = text[shown:]
        return text[:shown]


def partial_tail(text: str, mark: str) -> int:
    """How many characters at the end of `text` begin `mark`."""
    return next((n for n in range(min(len(mark) - 1, len(text)), 0, -1) if text.endswith(mark[:n])), 0)
