"""RL of the quickstart's model: what a step costs beside XLA and tools, and how exactly sampler and trainer agree.

`python -m benchmarks.rl_steps [--run runs/quickstart] [--json FILE]`. Trainer, arenas and the model after SFT are the
quickstart's, which is run up to there if it has not been: first in float32 for over 10,000 episodes, then some steps in
bfloat16. A step's time is shared out by what is under way: a program of the engine or the update (XLA), a call of a
tool or the end of its sandbox, or none, which is the trainer's own overhead. A prefix break is a turn whose prompt
does not begin with all that came before it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console

from astra_jax import configuration
from astra_jax.inference import engine, slots
from astra_jax.inference.interface import Completion, Sampling
from astra_jax.inference.pool import EnginePool
from astra_jax.quickstart import quickstart
from astra_jax.training.metrics import read_metrics
from benchmarks.clock import Clock
from benchmarks.reporting import Figure, main
from data_synthesis.arenas.episode import ArenaBackend

rl_train = import_module("astra_jax.rl.train")
SKIPPED = 3  # first steps, in which programs are compiled
STEPS = {"float32": 105, "bfloat16": 8}  # a step plays 96 episodes or more
QUICKSTART = Path("runs/quickstart")
BAR_GAP, BAR_OVERHEAD = 1e-4, 10


@dataclass
class Prefixes:
    """Whether each prompt of an episode begins with all that came before."""

    episodes: int = 0
    turns: int = 0
    breaks: int = 0
    _before: dict[str, list[int]] = field(default_factory=dict)

    def watched(self, generate: Callable) -> Callable:
        async def run(
            pool: EnginePool, token_ids: Sequence[int], sampling: Sampling, *, session: str = "", **named: Any
        ) -> Completion:
            before = self._before.get(session, [])
            self.turns += 1
            self.episodes += not before
            self.breaks += list(token_ids[: len(before)]) != before
            completion = await generate(pool, token_ids, sampling, session=session, **named)
            self._before[session] = [*token_ids, *completion.token_ids]
            return completion

        return run

    def ended(self, release: Callable) -> Callable:
        def run(pool: EnginePool, session: str) -> None:
            self._before.pop(session, None)
            release(pool, session)

        return run


@dataclass
class Run:
    """What was seen of one run."""

    prefixes: Prefixes
    overhead: list[float]  # share of each step, the first ones left out
    gap_mean: float  # nats a token, over steps
    gap_max: float  # nats


def run_of(base: Path, folder: Path, dtype: str) -> Run:
    config = configuration.load("configs/rl/nano.py").unlock()
    config.run_dir, config.model = str(folder / dtype), str(base / "sft" / "hf")
    config.arenas, config.sandbox_level = str(base / "arenas" / "rl.jsonl"), "SECCOMP"
    config.steps, config.compute_dtype = STEPS[dtype], dtype
    config.max_age = 0  # no group waits for the next step: all tokens are of the policy that is trained
    clock, prefixes, busy = Clock(), Prefixes(), [0.0]

    def noted(step: int, metrics: dict[str, float], *writers: Any) -> None:
        busy.append(clock.busy_s)
        report(step, metrics, *writers)

    report = rl_train._report
    with ExitStack() as stack:
        stack.enter_context(clock.watching(engine, "decode_steps", "prefill_chunk"))
        stack.enter_context(clock.watching(slots, "read_row", "write_row", "copy_row"))
        compiled = rl_train._Steps.for_rows
        stack.enter_context(
            mock.patch.object(rl_train._Steps, "for_rows", lambda *given: clock.watched(compiled(*given)))
        )
        stack.enter_context(clock.watching(ArenaBackend, "execute", "close"))
        for name, watch in {"generate": prefixes.watched, "release": prefixes.ended}.items():
            call = watch(getattr(EnginePool, name))
            stack.enter_context(mock.patch.object(EnginePool, name, call))
        stack.enter_context(mock.patch.object(rl_train, "_report", noted))
        rl_train.train(config, Console(quiet=True))
    records = read_metrics(folder / dtype)
    shares = [1 - (b - a) / r["time/step_s"] for a, b, r in zip(busy, busy[1:], records, strict=False)]
    trained = [record for record in records if "logprob_gap" in record]
    return Run(
        prefixes,
        shares[SKIPPED:],
        statistics.mean(record["logprob_gap"] for record in trained),
        max(record["logprob_gap_max"] for record in trained),
    )


def make_model(folder: Path) -> None:
    config = configuration.load("configs/quickstart/nano.py").unlock()
    config.run_dir = str(folder)
    quickstart(config, until="sft")


def measure(run: Path | None = None) -> list[Figure]:
    base = run or QUICKSTART
    if not (base / "stages" / "sft.json").exists():
        make_model(base)
    with tempfile.TemporaryDirectory() as folder:
        exact, coarse = (run_of(base, Path(folder), dtype) for dtype in STEPS)
    share, played = 100 * statistics.median(exact.overhead), exact.prefixes
    return [
        Figure("outside XLA and tools", share, "%", "a step", f"under {BAR_OVERHEAD}", share < BAR_OVERHEAD),
        Figure("float32, |gap| of a log-prob, mean", exact.gap_mean, "nats", "the trainer's"),
        Figure(
            "float32, greatest",
            exact.gap_max,
            "nats",
            "the trainer's",
            f"under {BAR_GAP}",
            exact.gap_max < BAR_GAP,
        ),
        Figure("bfloat16, mean", coarse.gap_mean, "nats", "the trainer's"),
        Figure("bfloat16, greatest", coarse.gap_max, "nats", "the trainer's"),
        Figure("episodes", played.episodes, "", f"{played.turns} turns"),
        Figure("prefix breaks", played.breaks, "", "", "none", played.breaks == 0),
    ]


if __name__ == "__main__":
    main("RL of the quickstart's model", measure, run="folder of the quickstart")
