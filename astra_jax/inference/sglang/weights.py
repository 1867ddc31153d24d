"""Folders of weights on a disk that the trainer and the servers share."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astra_jax.training.distributed import from_first, is_first

_RUN_BITS = 31


@dataclass(frozen=True)
class Weights:
    """A folder in Hugging Face's format, and the name that servers say its weights by."""

    name: str
    folder: Path


class WeightFolders:
    """`DIRECTORY/v{version}-{run}`, of which the newest stay. No other run may write into the directory.

    `run` differs from one start of the trainer to the next, so that a server that has kept weights of an earlier one
    is seen to.
    """

    def __init__(self, directory: Path, export: Callable[[Any, Path], object], *, keep: int = 2):
        """
        Args:
            export: writes weights to a folder that appears complete or not at all; every process of a run calls it.
            keep: how many folders stay: a server may still read the last but one.
        """
        self.directory, self._export, self._keep = directory.absolute(), export, keep
        self._run = f"{from_first(random.SystemRandom().getrandbits(_RUN_BITS)):08x}"

    def write(self, weights: Any, version: int) -> Weights:
        """Raises as `export`."""
        name = f"v{version}-{self._run}"
        self._export(weights, self.directory / name)
        return Weights(name, self.directory / name)

    def prune(self) -> None:
        """Removes all but the newest, and what was left half-written by a trainer that was killed."""
        if not is_first():
            return
        whole = sorted(self.directory.glob("v*-*"), key=lambda folder: folder.stat().st_mtime_ns)
        for folder in [*whole[: -self._keep], *self.directory.glob(".v*.partial")]:
            shutil.rmtree(folder, ignore_errors=True)
