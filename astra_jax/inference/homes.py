"""Which of several engines a session has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


class Homes:
    """A session stays with its engine; sessions that begin with the same prompt share one, and with it the prefill."""

    def __init__(self):
        self._home: dict[str, int] = {}  # of each session
        self._prompt_of: dict[str, tuple[int, ...]] = {}
        self._prompts: dict[tuple[int, ...], int] = {}  # engine of each first prompt that a session still has

    def of(self, session: str, token_ids: Sequence[int], usable: Sequence[int]) -> int:
        """The number of the session's engine, one of `usable`: if its own is not among them, it moves.

        Args:
            token_ids: its prompt. That of its first call counts.
        """
        home = self._home.get(session)
        if home is None or home not in usable:
            home = self._home[session] = self._shared(session, token_ids, usable)
        return home

    def release(self, session: str) -> int | None:
        """Forgets a session; the engine that it had."""
        home = self._home.pop(session, None)
        if home is not None:
            prompt = self._prompt_of.pop(session)
            if prompt not in self._prompt_of.values():
                del self._prompts[prompt]
        return home

    def _shared(self, session: str, token_ids: Sequence[int], usable: Sequence[int]) -> int:
        """The engine of all sessions with this one's first prompt; for a new prompt, the one that has the fewest."""
        prompt = self._prompt_of.setdefault(session, tuple(token_ids))
        home = self._prompts.get(prompt)
        if home is None or home not in usable:
            busy = Counter(self._prompts.values())
            home = self._prompts[prompt] = min(usable, key=lambda engine: busy[engine])
        return home
