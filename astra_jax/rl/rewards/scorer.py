"""Weighs the components of a run's rewards."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astra_jax.rl.rewards import components
from astra_jax.rl.rewards.components import Component
from astra_jax.rl.rewards.function import NoAnswer, NoScore, RewardFunction
from astra_jax.training.settings import BadSetting
from data_synthesis.records import Episode

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


_MOST_SILENT = 3  # a hanging function would cost its deadline for every episode


class RewardFailed(RuntimeError):
    """A reward function fails for too many episodes to go on."""


@dataclass(frozen=True)
class Rewards:
    """Scores episodes: `total` is the sum of weight times component, over those whose weight is not 0.

    Args:
        weights: of every component and of every function, by name.
        components, functions: what they are; all are computed and reported, whatever their weight.
        deadline_s: seconds of one call of a function.
        at_once: calls of functions at one time.
        most_failed: the share of episodes without a score beyond which `check` ends the run.
    """

    weights: Mapping[str, float]
    components: Mapping[str, Component]
    functions: Sequence[RewardFunction] = ()
    deadline_s: float = 30.0
    at_once: int = 1
    most_failed: float = 0.5

    async def score(self, episodes: Sequence[Episode]) -> list[Episode]:
        """The episodes, in their order, with `scores`. Those of unknown reward stay as they are.

        One that a function has no score of is unknown from then on, and never 0: `unscored` says what happened. A
        function that did not answer in time for `_MOST_SILENT` episodes in a row is not called for the others.
        """
        places = asyncio.Semaphore(self.at_once)
        silent: Counter[str] = Counter()  # calls in a row that a function did not answer

        async def ask(function: RewardFunction, episode: Episode) -> float:
            async with places:
                if silent[function.path] >= _MOST_SILENT:
                    raise NoScore(
                        f"was not called: {_MOST_SILENT} times in a row it took longer than "
                        f"config.rewards.deadline_s = {self.deadline_s:g} s"
                    )
                try:
                    score = await function(episode, self.deadline_s)
                except NoAnswer:
                    silent[function.path] += 1
                    raise
                except NoScore:
                    silent[function.path] = 0
                    raise
                silent[function.path] = 0
                return score

        async def one(episode: Episode) -> Episode:
            if episode.reward is None:
                return episode
            answers = {}
            for function in self.functions:
                try:
                    answers[function.path] = await ask(function, episode)
                except NoScore as problem:
                    return episode.model_copy(
                        update={"reward": None, "unscored": f"the reward function {function.path} {problem}"}
                    )
            return self._scored(episode, answers)

        return list(await asyncio.gather(*map(one, episodes)))

    def weigh(self, episode: Episode) -> Episode:
        """An episode that was scored by other rewards, as `score` would have it from these.

        Functions are not called: what they said then counts. One whose reward is unknown stays as it is.

        Raises:
            NoScore: the episode has none of a function.
        """
        if episode.reward is None:
            return episode
        paths = [function.path for function in self.functions]
        if missing := next((path for path in paths if path not in episode.scores), None):
            raise NoScore(
                f"config.rewards.functions names {missing}, and its episodes were kept without a score of that; "
                f"they have {', '.join(sorted(episode.scores)) or 'none'}"
            )
        return self._scored(episode, {path: episode.scores[path] for path in paths})

    def _scored(self, episode: Episode, answers: Mapping[str, float]) -> Episode:
        """With all components, `answers` being those of the functions."""
        scores = {name: component(episode) for name, component in self.components.items()} | dict(answers)
        whole = sum(self.weights[name] * score for name, score in scores.items() if self.weights[name])
        return episode.model_copy(update={"scores": scores | {"total": float(whole)}})

    def check(self, episodes: Sequence[Episode]) -> str | None:
        """One sentence about the functions that failed for some of `episodes`; None where none did.

        Raises:
            RewardFailed: they failed for a larger share than `most_failed`.
        """
        problems = Counter(episode.unscored for episode in episodes if episode.unscored)
        if not problems:
            return None
        failed, scored = problems.total(), sum(bool(episode.scores) for episode in episodes)
        said = f"{problems.most_common(1)[0][0]}; {failed} of {failed + scored} episodes have no score"
        if failed > self.most_failed * (failed + scored):
            raise RewardFailed(
                f"{said}, more than config.rewards.most_failed = {self.most_failed:g} allows: mend the function and "
                "start the same command again"
            )
        return f"{said}: they are unknown, and left out"


def make_rewards(config: Config) -> Rewards:
    """The rewards that `config.rewards` weighs.

    Raises:
        BadSetting: nothing has a weight, a function cannot be had, or none could ever be called.
    """
    c = config.rewards
    most = config.limits.max_tokens
    known: dict[str, Component] = {
        "f1": components.f1,
        "recall": components.recall,
        "precision": components.precision,
        "format": components.format_,
        "length": components.length(most, c.length_buffer * most),
    }
    functions = list(map(_function, filter(None, map(str.strip, c.functions.split(",")))))
    paths = [function.path for function, _ in functions]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise BadSetting(f"config.rewards.functions has {twice} twice: it has one weight")
    weights = {name: c[name] for name in known} | {f.path: weight for f, weight in functions}
    if not any(weights.values()):
        raise BadSetting(f"no component of config.rewards has a weight; there are: {', '.join(weights)}")
    if not 0 < c.length_buffer <= 1:
        raise BadSetting(
            f"config.rewards.length_buffer is {c.length_buffer}: it is a share of config.limits.max_tokens"
        )
    if c.at_once < 1:
        raise BadSetting(f"config.rewards.at_once is {c.at_once}: at least one function is called at a time")
    if c.deadline_s <= 0:
        raise BadSetting(
            f"config.rewards.deadline_s is {c.deadline_s}: a function has more than 0 seconds to answer"
        )
    return Rewards(weights, known, tuple(f for f, _ in functions), c.deadline_s, c.at_once, c.most_failed)


def _function(entry: str) -> tuple[RewardFunction, float]:
    path, equals, weight = entry.partition("=")
    try:
        number = float(weight) if equals else 1.0
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadSetting(f"config.rewards.functions: {weight!r} is no weight of {path}")
    return RewardFunction.load(path), number
