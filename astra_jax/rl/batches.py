"""Batches on disk, one file a step: what was played in one run can be trained on in another."""

from __future__ import annotations

import json
from pathlib import Path

from astra_jax.rl.algorithms import Algorithm
from astra_jax.rl.batch_filling import Filled
from astra_jax.rl.rewards import NoScore, Rewards
from astra_jax.training.run_folder import write_json
from astra_jax.training.settings import BadSetting
from astra_jax.training.sources import digest_all, digest_file

_FILES = "step_*.json"


class Batches:
    """A folder of them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, step: int, filled: Filled) -> None:
        """The file is complete or absent."""
        write_json(self._file(step), filled.to_json(), indent=None)

    def read(self, step: int, algorithm: Algorithm, rewards: Rewards) -> Filled:
        """The batch of a step, its episodes as `rewards` weighs them, and its signals as `algorithm` has them.

        Raises:
            BadSetting: the file is no batch, or has no score of a function that is weighed.
        """
        file = self._file(step)
        try:
            return Filled.from_json(json.loads(file.read_text("utf-8")), algorithm, rewards.weigh)
        except NoScore as error:
            raise BadSetting(f"{file} cannot be trained on: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadSetting(f"{file} is no batch that `astra rl` has kept: {error}") from error

    def check(self, steps: int) -> None:
        """Raises `BadSetting` unless there is a batch for each of so many steps."""
        there = {file.name for file in self.folder.glob(_FILES)}
        missing = [step for step in range(1, steps + 1) if self._file(step).name not in there]
        if missing:
            raise BadSetting(
                f"{self.folder} has no batch of step {missing[0]}, and config.steps is {steps}: it has {len(there)} "
                "batches (a run keeps them with config.keep_batches=true, or with --rollout-only)"
            )

    def digest(self, steps: int) -> str:
        """Of the batches of so many steps: a run that resumes must find those that it had."""
        return digest_all([digest_file(self._file(step)) for step in range(1, steps + 1)])

    def _file(self, step: int) -> Path:
        return self.folder / f"step_{step:06d}.json"
