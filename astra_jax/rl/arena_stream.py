"""An endless, seeded order of arenas, from one file or from several by their weights."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import grain

from astra_jax.training.settings import BadSetting
from astra_jax.training.sources import digest_all, digest_file, parse_sources
from data_synthesis.records import SCHEMA_VERSION, Arena, read_records

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

_MANY = 1 << 32  # groups of a source: more than any run plays


class _Place(NamedTuple):
    """A group is number `count` of the groups of a source."""

    source: int
    count: int


@dataclass(frozen=True)
class ArenaSource:
    """Arenas of which a share of all groups is played: `weight` over the sum of all sources' weights."""

    name: str
    arenas: list[Arena]
    weight: float = 1.0
    digest: str = ""

    @classmethod
    def read(cls, path: str | Path, name: str = "", weight: float = 1.0) -> ArenaSource:
        """The arenas of a JSONL file.

        Raises:
            BadRecord: a line is no arena.
            BadSetting: there are none, or one was never proved, or was changed since.
        """
        arenas = list(read_records(path, Arena))
        if not arenas:
            raise BadSetting(f"{path} holds no arena")
        for arena in arenas:
            if arena.verification is None or not arena.verification.passed:
                raise BadSetting(
                    f"arena {arena.id} in {path} is not proved: run `astra arenas verify {path}` and train on "
                    "what it accepts"
                )
            if _was_changed(arena):
                raise BadSetting(
                    f"arena {arena.id} in {path} is not what was proved: its content has the id "
                    f"{arena.content_id()}; run `astra arenas verify {path}` and train on what it accepts"
                )
        return cls(name or Path(path).stem, arenas, weight, digest_file(path))


@dataclass
class ArenaStream:
    """`stream[n]` is the arena of group n. Each pass over a source has an order of its own, and after any number of
    groups each source has had its share of them, but for fewer groups than there are sources.

    `position` is the next group to be played; it is all that a resumed run needs.
    """

    sources: Sequence[ArenaSource]
    seed: int
    position: int = 0

    def __post_init__(self) -> None:
        parts = [
            grain.MapDataset.range(_MANY).map(partial(_Place, source)) for source in range(len(self.sources))
        ]
        weights = [source.weight for source in self.sources]
        self._places: Any = grain.MapDataset.mix(parts, weights) if parts else None

    @classmethod
    def of(cls, config: Config) -> ArenaStream:
        """That of an RL configuration; without any arenas where none are played and none are given.

        Raises as `ArenaSource.read`, and `BadSetting` about what is no source.
        """
        if config.train_only and not (config.arenas or config.sources):
            return cls([], config.seed)
        if bool(config.arenas) == bool(config.sources):
            raise BadSetting("one of config.arenas and config.sources is required, and only one")
        if config.arenas:
            return cls([ArenaSource.read(config.arenas)], config.seed)
        given = parse_sources("sources", config.sources)
        return cls([ArenaSource.read(path, name, weight) for name, path, weight in given], config.seed)

    @property
    def digest(self) -> str:
        """Of all that is played: a run that resumes must find the arenas that it had."""
        return digest_all([source.digest for source in self.sources])

    def describe(self) -> str:
        """What it has, for the user."""
        count = f"{sum(len(source.arenas) for source in self.sources)} arenas"
        if len(self.sources) < 2:
            return count
        total = sum(source.weight for source in self.sources)
        shares = (f"{s.name} {len(s.arenas)} for {s.weight / total:.0%} of groups" for s in self.sources)
        return f"{count} ({', '.join(shares)})"

    def __getitem__(self, number: int) -> Arena:
        source, count = self._places[number]
        arenas = self.sources[source].arenas
        epoch, place = divmod(count, len(arenas))
        return arenas[_order(self.seed, source, epoch, len(arenas))[place]]

    def source_of(self, number: int) -> str:
        """The name of the source that group `number` is of."""
        return self.sources[self._places[number].source].name


@lru_cache(maxsize=64)
def _order(seed: int, source: int, epoch: int, count: int) -> list[int]:
    """In which a pass takes the arenas of a source."""
    order = list(range(count))
    words = ["arenas", seed, epoch, *([source] if source else [])]
    random.Random(" ".join(map(str, words))).shuffle(order)
    return order


def _was_changed(arena: Arena) -> bool:
    # Another version of the schema can have other fields, so that an untouched arena has another hash there.
    return arena.schema_version == SCHEMA_VERSION and arena.id != arena.content_id()
