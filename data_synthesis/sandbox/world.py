"""What a session's interpreter takes from its surroundings: the seed of its hashes, its clock, its time zone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """Surroundings of a session. Tools that are what they should be give the same output in all of them.

    Attributes:
        hash_seed: `PYTHONHASHSEED`, which decides in what order a set of text is gone through.
        clock_shift: seconds by which the clocks that Python code can read are ahead of the machine's.
        time_zone: `TZ` as POSIX writes it, which needs no files.
    """

    hash_seed: int = 0
    clock_shift: float = 0.0
    time_zone: str = "UTC0"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the interpreter must start."""
        return {"PYTHONHASHSEED": str(self.hash_seed), "TZ": self.time_zone}


ORDINARY = World()
# Year, month, weekday, hour, minute and second all differ from the ordinary ones, whatever the moment.
ELSEWHERE = World(hash_seed=1, clock_shift=1234 * 86_400 + 7 * 3600 + 31 * 60 + 17, time_zone="ELS-5:45")
