"""A user's own component of the reward: a function that a configuration names, and what it may do wrong."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from astra_jax.training.settings import BadSetting
from data_synthesis.records import Episode


class NoScore(RuntimeError):
    """There is no score of a function: the message says why."""


class NoAnswer(NoScore):
    """A function did not come back in time."""


@dataclass(frozen=True)
class RewardFunction:
    """`path` is `module:function`. The function is given an `Episode` of its own, and returns a number."""

    path: str
    function: Callable[[Episode], Any]

    @classmethod
    def load(cls, path: str) -> RewardFunction:
        """Raises `BadSetting` where there is no such function."""
        module, colon, name = path.partition(":")
        where = f"config.rewards.functions names {path}"
        if not (module and colon and name):
            raise BadSetting(f"{where}: write module:function, as in `my_rewards:politeness`")
        try:
            function = getattr(importlib.import_module(module), name, None)
        except Exception as error:
            raise BadSetting(
                f"{where}: the module {module} does not load ({type(error).__name__}: {error}); "
                "it must be importable where the run is started"
            ) from error
        if not callable(function):
            raise BadSetting(f"{where}: the module {module} has no function {name}")
        return cls(path, function)

    async def __call__(self, episode: Episode, deadline_s: float) -> float:
        """The function's score of an episode.

        It runs in a thread that nobody waits for beyond the deadline: one that never returns costs the thread.

        Raises:
            NoScore: it raised, or returned no finite number.
            NoAnswer: it took longer than `deadline_s` seconds.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        own = episode.model_copy(deep=True)

        def work() -> None:
            try:
                score = _number(self.function(own))
            except NoScore as no_score:
                tell(answer.set_exception, no_score)
            except BaseException as error:
                tell(answer.set_exception, NoScore(f"raised {type(error).__name__}: {error}"))
            else:
                tell(answer.set_result, score)

        def tell(how: Callable, what: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(lambda: None if answer.done() else how(what))

        threading.Thread(target=work, name=self.path, daemon=True).start()
        try:
            return await asyncio.wait_for(answer, deadline_s)
        except TimeoutError:
            raise NoAnswer(f"took longer than config.rewards.deadline_s = {deadline_s:g} s") from None


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise NoScore(f"returned {str(value)[:80]!r}, which is no number") from None
    if not math.isfinite(number):
        raise NoScore(f"returned {number}")
    return number
