"""An engine that computes nothing, to measure the other half of a run alone."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from typing import Any

from astra_jax.inference.interface import Completion, Sampling


class SimulatedEngine:
    """Draws every turn's tokens at random, as many as it may have, and takes `token_s` seconds for each."""

    def __init__(self, vocab_size: int, token_s: float, episodes_at_once: int):
        self.episodes_at_once = episodes_at_once
        self._vocab_size, self._token_s, self._version = vocab_size, token_s, 0

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, *, session: str = ""
    ) -> Completion:
        rng, count = random.Random(sampling.seed), sampling.max_tokens
        drawn = [rng.randrange(self._vocab_size) for _ in range(count - 1)] + [sampling.stop_ids[0]]
        await asyncio.sleep(count * self._token_s)
        return Completion(drawn, [-math.log(self._vocab_size)] * count, "stop", [self._version] * count)

    def release(self, session: str) -> None:
        pass

    def push(self, weights: Any, version: int) -> None:
        self._version = version

    def describe(self) -> str:
        return f"simulated, {self._token_s:g} s a token"

    def close(self) -> None:
        pass
