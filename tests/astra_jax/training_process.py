"""A training run in a process of its own, which can be killed in a phase of a step.

Run as a module it is that process: a module with a `train`, where compiled programs are kept, the configuration.
"""

from __future__ import annotations

import importlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from ml_collections import ConfigDict

from astra_jax.rl.train import _Trainer
from astra_jax.training import compile_cache
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.metrics import read_metrics
from astra_jax.training.run_folder import write_json
from tests.compiling import quick_process

ROOT = Path(__file__).parents[2]
Phase = Literal["rollout", "update", "save"]
PHASES: tuple[Phase, ...] = get_args(Phase)
# What begins a phase.
BEGINS: tuple[tuple[Phase, Any, str], ...] = (
    ("rollout", _Trainer, "_play_round"),
    ("update", _Trainer, "_learn"),
    ("update", importlib.import_module("astra_jax.sft.train"), "_update"),
    ("save", CheckpointManager, "save"),
)
DEADLINE_S = 120
SOON_S = 0.1  # and as long as a phase is taken to last that has not ended yet


class TrainingProcess:
    def __init__(self, compiled_dir: Path, module: str, config: Any, devices: int = 1):
        self.run_dir = Path(config.run_dir)
        _note(self.run_dir).unlink(missing_ok=True)
        command = [sys.executable, "-m", __name__, module, str(compiled_dir), config.to_json()]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=quick_process(devices), stdout=subprocess.DEVNULL
        )

    def finish(self) -> None:
        assert self.process.wait() == 0

    def kill(self, after: int, rng: random.Random, phase: Phase | None = None) -> Phase:
        """Kills it after a step: at a random moment of a phase, or soon.

        Returns in which phase it was, as the one asked for may have ended.
        """
        self._wait(lambda: any(record["step"] >= after for record in read_metrics(self.run_dir)))
        self._wait(_note(self.run_dir).exists)
        longest = SOON_S
        if phase:
            self._wait(lambda: self._noted()["phase"] == phase)
            longest = self._noted()["lasted_s"][phase]
        time.sleep(rng.uniform(0, longest))
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL
        assert not (self.run_dir / "final.json").exists(), "the run was over before it was killed"
        return self._noted()["phase"]

    def _noted(self) -> dict[str, Any]:
        return json.loads(_note(self.run_dir).read_text())

    def _wait(self, condition: Callable[[], bool]) -> None:
        ends_at = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.process.poll() is None, "the run ended before it was killed"
            assert time.monotonic() < ends_at
            time.sleep(0.002)


def _note(run_dir: Path) -> Path:
    return run_dir.with_name(run_dir.name + ".phase")


def _note_phases(run_dir: Path) -> None:
    """Keeps a note of the phase that began last, and of how long the last of each name were."""
    lasted: dict[Phase, float] = {}
    last, since = None, 0.0
    one_at_a_time = threading.Lock()

    def begins(phase: Phase) -> None:
        nonlocal last, since
        with one_at_a_time:
            if last:
                lasted[last] = time.monotonic() - since
            lasted.setdefault(phase, SOON_S)
            last, since = phase, time.monotonic()
            write_json(_note(run_dir), {"phase": phase, "lasted_s": lasted})

    def noted(phase: Phase, call: Callable[..., Any]) -> Callable[..., Any]:
        def inside(*arguments: Any, **named: Any) -> Any:
            begins(phase)
            return call(*arguments, **named)

        return inside

    for phase, owner, name in BEGINS:
        setattr(owner, name, noted(phase, getattr(owner, name)))


def main(module: str, compiled_dir: str, config: str) -> None:
    settings: Any = ConfigDict(json.loads(config))
    compile_cache.enable(compiled_dir)
    _note_phases(Path(settings.run_dir))
    importlib.import_module(module).train(settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
