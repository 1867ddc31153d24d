"""An endless, seeded order of arenas."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from astra_jax.training.settings import BadSetting
from data_synthesis.records import SCHEMA_VERSION, Arena, read_records


@dataclass
class ArenaStream:
    """`stream[n]` is the arena of group n: each pass over the arenas has an order of its own.

    `position` is the next group to be played; it is all that a resumed run needs.
    """

    arenas: list[Arena]
    seed: int
    digest: str = ""
    position: int = 0

    @classmethod
    def read(cls, path: str | Path, seed: int) -> ArenaStream:
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
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(arenas, seed, digest)

    def __len__(self) -> int:
        return len(self.arenas)

    def __getitem__(self, number: int) -> Arena:
        epoch, place = divmod(number, len(self.arenas))
        order = list(range(len(self.arenas)))
        random.Random(f"arenas {self.seed} {epoch}").shuffle(order)
        return self.arenas[order[place]]


def _was_changed(arena: Arena) -> bool:
    # Another version of the schema can have other fields, so that an untouched arena has another hash there.
    return arena.schema_version == SCHEMA_VERSION and arena.id != arena.content_id()
