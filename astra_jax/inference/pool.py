"""Several engines behind one interface: rollouts use all devices, each engine with its own copy of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.homes import Homes
from astra_jax.inference.interface import Completion, Grammar, Sampling
from astra_jax.inference.request import Request
from astra_jax.models import Transformer


class EnginePool:
    """A `GenerationEngine` and `WeightSync` over several.

    A session stays with its engine; sessions that begin with the same prompt share one, and with it the prefill. A
    request without a session goes where its first token comes soonest, as where its prompt's beginning is in a cache. A
    request's result is the same bits on any of them.
    """

    def __init__(self, engines: Sequence[JaxEngine]):
        """
        Args:
            engines: of the same model and size.
        """
        self.engines = engines
        self.size, self.config = engines[0].size, engines[0].config
        self._homes = Homes()

    @classmethod
    def on_each(
        cls, model: Transformer, size: EngineSize | None = None, devices: Sequence[Any] | None = None
    ) -> EnginePool:
        """An engine for each device, by default for all that there are."""
        return cls([JaxEngine(model, size, device) for device in devices or jax.devices()])

    @property
    def episodes_at_once(self) -> int:
        """How many episodes keep the slots busy."""
        # Twice the slots: while one episode's tools run, another has its slot. More would only move caches to
        # the host and back, and let episodes age that do not advance.
        return 2 * sum(engine.size.slots for engine in self.engines)

    @property
    def load(self) -> tuple[int, int]:
        """See `JaxEngine.load`, of all together."""
        running, waiting = zip(*(engine.load for engine in self.engines), strict=True)
        return sum(running), sum(waiting)

    @property
    def paused(self) -> bool:
        return self.engines[0].paused

    async def generate(
        self,
        token_ids: Sequence[int],
        sampling: Sampling,
        *,
        session: str = "",
        grammar: Grammar | None = None,
    ) -> Completion:
        """See `GenerationEngine.generate`."""
        return await self.submit(token_ids, sampling, session=session, grammar=grammar).done

    def submit(
        self,
        token_ids: Sequence[int],
        sampling: Sampling,
        *,
        session: str = "",
        grammar: Grammar | None = None,
    ) -> Request:
        """See `JaxEngine.submit`."""
        engine = self.engines[self._assign(token_ids, session)]
        return engine.submit(token_ids, sampling, session=session, grammar=grammar)

    def release(self, session: str) -> None:
        home = self._homes.release(session)
        if home is not None:
            self.engines[home].release(session)

    def push(self, weights: Any, version: int) -> None:
        """See `JaxEngine.push`."""
        for engine in self.engines:
            engine.push(weights, version)

    def flush(self) -> None:
        """See `JaxEngine.flush`."""
        for engine in self.engines:
            engine.flush()

    def pause(self) -> None:
        """See `JaxEngine.pause`."""
        for engine in self.engines:
            engine.pause()

    def resume(self) -> None:
        for engine in self.engines:
            engine.resume()

    def close(self) -> None:
        """See `JaxEngine.close`."""
        for engine in self.engines:
            engine.close()

    def _assign(self, token_ids: Sequence[int], session: str) -> int:
        numbers = range(len(self.engines))
        if session:
            return self._homes.of(session, token_ids, numbers)

        def order(number: int) -> tuple[int, int, int, int]:
            engine = self.engines[number]
            load = sum(engine.load)
            return max(0, load + 1 - self.size.slots), engine.unread(token_ids), load, engine.seated

        return min(numbers, key=order)
