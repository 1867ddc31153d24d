"""Adaptive batch filling: keep playing until enough groups say something (ASTRA section 3.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from astra_jax.rl.algorithms import Algorithm, GroupSignal
from data_synthesis.records import Episode, first_problem


@dataclass(frozen=True)
class Group:
    """The episodes of one arena, and the step with whose weights their play began."""

    number: int
    born: int
    episodes: list[Episode]

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "born": self.born,
            "episodes": [episode.model_dump(mode="json") for episode in self.episodes],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Group:
        """Raises `ValueError`: an episode is none, or of an earlier release."""
        try:
            episodes = [Episode.model_validate(episode) for episode in value["episodes"]]
        except ValidationError as error:
            field, problem = first_problem(error)
            raise ValueError(f"{field}: {problem}") from error
        return cls(value["number"], value["born"], episodes)

    def weighed(self, weigh: Callable[[Episode], Episode]) -> Group:
        return replace(self, episodes=list(map(weigh, self.episodes)))


@dataclass(frozen=True)
class Filled:
    """A batch: `groups` with their `signals`. `played` is every group of this step, dropped ones included.

    Of groups, `unjudged` had fewer than two episodes of known reward, `uninformative` no signal, and `expired` waited
    too long. `unknown` counts episodes.
    """

    groups: list[Group]
    signals: list[GroupSignal]
    played: list[Group]
    unknown: int
    uninformative: int
    expired: int
    rounds: int
    unjudged: int = 0

    def to_json(self) -> dict[str, Any]:
        """All but the signals, which follow from the groups."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        return counts | {name: [g.to_json() for g in getattr(self, name)] for name in ("groups", "played")}

    @classmethod
    def from_json(
        cls, value: dict[str, Any], algorithm: Algorithm, weigh: Callable[[Episode], Episode]
    ) -> Filled:
        """A batch that may have been filled with other rewards and another algorithm.

        Episodes are weighed anew (`Rewards.weigh`), and groups of which `algorithm` then has no signal are dropped.
        """
        groups, played = (
            [Group.from_json(group).weighed(weigh) for group in value[name]] for name in ("groups", "played")
        )
        judged = [(group, signal) for group in groups if (signal := algorithm.signal(group.episodes))]
        counts = {name: value[name] for name in _COUNTS if name in value}  # earlier releases had fewer
        counts["uninformative"] += len(groups) - len(judged)
        signals = algorithm.of_batch([signal for _, signal in judged])
        return cls([group for group, _ in judged], signals, played, **counts)


_COUNTS = ("unknown", "uninformative", "expired", "rounds", "unjudged")


@dataclass
class BatchFiller:
    """Fills batches of `groups_per_batch` informative groups; the surplus waits for the next step.

    Rounds are played whole and groups keep their order, so the batch does not depend on which episode
    finished first. Episodes whose reward is unknown are left out before a group is judged; from then on it moves
    whole, as an advantage is only right beside its group. Leaving them out keeps the gradient what it is: the
    others are samples of the same policy either way, and to drop their group as well would only make arenas
    rare whose tools fail often.

    Args:
        round_groups: groups played at once.
        max_rounds: the cap on the work of one step. A batch may then be smaller, or empty.
        max_age: steps that a surplus group may wait before it is dropped as too stale.
        exact_refill: rounds after the first play only as many groups as are missing.
    """

    algorithm: Algorithm
    groups_per_batch: int
    round_groups: int
    max_rounds: int = 4
    max_age: int = 2
    exact_refill: bool = False
    carried: list[Group] = field(default_factory=list)

    async def fill(self, born: int, play: Callable[[int], Awaitable[Sequence[Group]]]) -> Filled:
        """Plays rounds (`await play(groups)`) until the batch is full or the cap is reached.

        Args:
            born: the step with whose weights they are played, by which groups that wait grow old.
        """
        fresh_enough = [group for group in self.carried if born - group.born <= self.max_age]
        expired = len(self.carried) - len(fresh_enough)
        ready = [
            (group, signal) for group in fresh_enough if (signal := self.algorithm.signal(group.episodes))
        ]
        played: list[Group] = []
        unknown = unjudged = uninformative = rounds = 0
        while (missing := self.groups_per_batch - len(ready)) > 0 and rounds < self.max_rounds:
            rounds += 1
            is_refill = self.exact_refill and rounds > 1
            for group in await play(min(missing, self.round_groups) if is_refill else self.round_groups):
                played.append(group)
                known = [episode for episode in group.episodes if episode.reward is not None]
                unknown += len(group.episodes) - len(known)
                if len(known) < 2:
                    unjudged += 1
                elif signal := self.algorithm.signal(known):
                    ready.append((Group(group.number, group.born, known), signal))
                else:
                    uninformative += 1
        batch, surplus = ready[: self.groups_per_batch], ready[self.groups_per_batch :]
        self.carried = [group for group, _ in surplus]
        return Filled(
            groups=[group for group, _ in batch],
            signals=self.algorithm.of_batch([signal for _, signal in batch]),
            played=played,
            unknown=unknown,
            uninformative=uninformative,
            expired=expired,
            rounds=rounds,
            unjudged=unjudged,
        )
