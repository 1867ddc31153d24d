"""Which arenas are worth playing now, by how the last group of each did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from astra_jax.rl.arena_stream import ArenaStream
from astra_jax.rl.batch_filling import Group


@dataclass
class Curriculum:
    """Passes an arena over for a while after a group whose episodes solved all of it, or nothing: such groups are
    played for nothing, as no episode of them is better than another.

    Args:
        rest_easy: times that an arena is passed over after a group that solved all of it; 0: never.
        rest_hard: after one that solved nothing.
        resting: how many times still, by the arena's id. With the stream's position it is all that a resumed run needs.
    """

    rest_easy: int = 0
    rest_hard: int = 0
    resting: dict[str, int] = field(default_factory=dict)

    def take(self, stream: ArenaStream, count: int) -> list[int]:
        """The numbers of the next groups to be played; the stream stands behind them afterwards."""
        numbers: list[int] = []
        while len(numbers) < count:
            number = stream.position
            stream.position += 1
            if not self._rests(stream[number].id):
                numbers.append(number)
        return numbers

    def measure(self, stream: ArenaStream, groups: Iterable[Group]) -> None:
        """Looks at groups that were played, in the order of their numbers."""
        for group in groups:
            rewards = [episode.reward for episode in group.episodes if episode.reward is not None]
            arena = stream[group.number].id
            rest = 0
            if rewards and all(reward.all_solved for reward in rewards):
                rest = self.rest_easy
            elif rewards and all(reward.solved == 0 for reward in rewards):
                rest = self.rest_hard
            if rest:
                self.resting[arena] = rest

    def _rests(self, arena: str) -> bool:
        left = self.resting.pop(arena, 0)
        if left > 1:
            self.resting[arena] = left - 1
        return left > 0
