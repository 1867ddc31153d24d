"""A request under way: what was asked, what has been drawn, and who waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import numpy as np

from astra_jax.inference.interface import Completion, Grammar, Likeliest, Reason, Sampling


class Piece(NamedTuple):
    """Tokens that were drawn since the last piece; the likeliest at their places where they were asked for."""

    token_ids: list[int]
    logprobs: list[float]
    top_logprobs: list[Likeliest]


class Request:
    """Made by `JaxEngine.submit`, of the event loop that runs then."""

    def __init__(
        self, prompt: np.ndarray, sampling: Sampling, limit: int, session: str, grammar: Grammar | None
    ):
        """
        Args:
            limit: tokens it may draw, which may be less than it asked for.
        """
        self.prompt, self.sampling, self.limit = prompt, sampling, limit
        self._all = np.concatenate([prompt, np.zeros(limit, np.int32)])
        self.session, self.grammar = session, grammar
        self.done: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self.slot = -1
        self.cached = 0  # tokens of the prompt that were in its slot, or were copied there, when it got one
        self.token_ids: list[int] = []
        self.logprobs: list[float] = []
        self.versions: list[int] = []
        self.top_logprobs: list[Likeliest] = []
        self.failure: Exception | None = None
        self.aborted = False
        self._news = asyncio.Event()
        self._ends_at = None if sampling.deadline_s is None else time.monotonic() + sampling.deadline_s

    @property
    def ids(self) -> np.ndarray:
        """Of the prompt, and what has been drawn."""
        return self._all[: len(self.prompt) + len(self.token_ids)]

    @property
    def remaining(self) -> int:
        return self.limit - len(self.token_ids)

    def abort(self) -> None:
        """Ends it with what it has, after the dispatch that is under way."""
        self.aborted = True

    def drawn(
        self,
        token_ids: list[int],
        logprobs: list[float],
        version: int,
        top_logprobs: Sequence[Likeliest] = (),
    ) -> None:
        start = len(self.prompt) + len(self.token_ids)
        self._all[start : start + len(token_ids)] = token_ids
        self.token_ids += token_ids
        self.versions += [version] * len(token_ids)
        self.top_logprobs += top_logprobs
        self.logprobs += logprobs  # last: a piece has as many tokens as there are log-probs
        if self.grammar:
            try:
                for token in token_ids:
                    self.grammar.accept(token)
            except Exception as error:
                self.failure = error

    def ended(self) -> Reason | None:
        """Why it ends now, if it does."""
        if self.token_ids and self.token_ids[-1] in self.sampling.stop_ids:
            return "stop"
        if self.remaining <= 0:
            return "length"
        if self.aborted:
            return "abort"
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            return "deadline"
        return None

    def settle(self) -> bool:
        """Tells whoever waits what is new. Whether the request is over."""
        reason = self.ended()
        if not self.done.done():
            if self.failure:
                self.done.set_exception(self.failure)
            elif reason:
                self.done.set_result(self._completion(reason))
        self._news.set()
        return self.done.done()

    def _completion(self, reason: Reason) -> Completion:
        return Completion(self.token_ids, self.logprobs, reason, self.versions, self.top_logprobs)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._news.set()

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Tokens as they are drawn; then raises what `done` raises. Whoever stops early gives the request up."""
        sent = 0
        try:
            while True:
                over, count = self.done.done(), len(self.logprobs)
                if count > sent:
                    new = slice(sent, count)
                    yield Piece(self.token_ids[new], self.logprobs[new], self.top_logprobs[new])
                    sent = count
                elif over:
                    await self.done
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            if not self.done.done():
                self.done.cancel()
