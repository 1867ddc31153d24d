"""Tokens a second of SFT on packed agent rows, SmolLM2-135M in float32 on this machine's cores, against TRL's.

    python -m benchmarks.sft [--rows FILE] [--model DIR] [--trl-python FILE] [--json FILE]

Both are whole trainers over the same tokens: `astra sft` and TRL's `SFTTrainer`, each with its own packing into rows
of one length, with loss on what the assistant writes, and AdamW. They take turns, a step each, so that other work on
the machine falls on both; a step is all that a trainer does from one to the next. Tokens are real ones, not padding;
figures are of all steps together, as batches differ in how full they are. Where much else runs, seconds of the
processors say more than those of the clock.

TRL runs in an environment of its own (`make trl`). Each of `SETTINGS` takes two steps there, and the faster goes on.
Without `--rows`: 256 procedural arenas, solved by the oracle. Without `--model`: what `astra convert smollm2` makes, of
93 MB from the package index. It does not show half precision, nor another device.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import jax
from rich.console import Console

from astra_jax import configuration
from astra_jax.checkpoints import smollm2
from astra_jax.evaluation.worker import Program, Worker
from astra_jax.sft.data import DataReport, RowPolicy, load_rows
from astra_jax.sft.sources import Source
from astra_jax.tokens import CHATML, Tokenizer
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import oracle_trajectories
from data_synthesis.records import write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import make_arenas

trainer = importlib.import_module("astra_jax.sft.train")  # the package names its function so too
ROOT = Path(__file__).parents[1]
ARENAS = 256
LENGTH = 2560  # tokens of a packed row, which holds two samples
ROWS = 2  # of a step: four do not fit 24 GB
RATE = 1e-5
REPEATS = 5
ENDLESS = 1_000_000  # steps
BAR = 1.3
DEADLINE_S = 1800.0  # of a step of TRL's


@dataclass(frozen=True)
class Setting:
    """What TRL is free to choose on a CPU. The packed rows of one forward pass become one sequence there."""

    attention: str
    at_once: int


SETTINGS = (Setting("sdpa", 1), Setting("sdpa", 2), Setting("eager", 1))


@dataclass
class Steps:
    """What a trainer's steps took; the first one compiles or allocates, and does not count."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)  # seconds of all cores together
    tokens: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def add(self, seconds: float, processor: float, tokens: float, loss: float) -> None:
        self.seconds.append(seconds)
        self.processor.append(processor)
        self.tokens.append(tokens)
        self.losses.append(loss)

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return sum(self.tokens[1:]) / sum(self.seconds[1:])

    @property
    def processor_rate(self) -> float:
        """Tokens a second of one core."""
        return sum(self.tokens[1:]) / sum(self.processor[1:])


class Trl:
    """TRL's trainer in a process of its own."""

    def __init__(self, python: Path, data: Path, model: Path, setting: Setting):
        # Threads that spin while they wait hold up those that they wait for, wherever other processes run too.
        env = {"HF_HUB_OFFLINE": "1", "HF_HOME": "{folder}/hf", "OMP_WAIT_POLICY": "PASSIVE"}
        script = ROOT / "tools" / "trl" / "steps.py"
        self.steps = Steps()
        self._runner = asyncio.Runner()
        self._worker = Worker(Program("TRL", python, script, "make trl", env, DEADLINE_S))
        given = {"data": str(data.absolute()), "model": str(model.absolute()), "folder": "trl"}
        sizes = {"length": LENGTH, "rows": ROWS, "rate": RATE}
        self.filled = self._ask("start", **given, **sizes, **asdict(setting))["filled"]

    def step(self) -> None:
        self.steps.add(**self._ask("step"))

    def close(self) -> None:
        self._runner.run(self._worker.close())
        self._runner.close()

    def _ask(self, op: str, **arguments: Any) -> Any:
        return self._runner.run(self._worker.ask(op, **arguments))


def best_setting(make: Callable[[Setting], Trl]) -> tuple[Setting, dict[Setting, float]]:
    """The setting with the most tokens a second in its second step, and those of all."""
    rates = {}
    for setting in SETTINGS:
        with closing(make(setting)) as trl:
            trl.step()
            trl.step()
            rates[setting] = trl.steps.rate
    return max(rates, key=lambda setting: rates[setting]), rates


class Enough(Exception):
    """All steps that are timed have been taken."""


def our_steps(rows: Path, model: Path, folder: Path, between: Callable[[], object]) -> Steps:
    """Steps of the trainer's own loop; `between` is called before each."""
    config = configuration.load(ROOT / "configs" / "sft" / "smollm2.py")
    config.run_dir, config.data.path, config.model.path = str(folder / "run"), str(rows), str(model)
    config.data.sequence_length, config.batch_rows = LENGTH, ROWS
    config.epochs, config.steps, config.checkpoint_every = 0, ENDLESS, ENDLESS
    config.optimizer.update(learning_rate=RATE, schedule="constant", warmup_fraction=0.0)
    steps, update = Steps(), trainer._update
    open_step: list[Callable[[], None]] = []  # closes the step that is not over yet

    def timed_update(run: Any) -> dict[str, Any]:
        if open_step:
            open_step.pop()()
        if len(steps.seconds) > REPEATS:
            raise Enough
        between()
        start, used = perf_counter(), process_time()
        metrics = update(run)
        real = float(1 - metrics["padding"]) * LENGTH * ROWS

        def close() -> None:
            steps.add(perf_counter() - start, process_time() - used, real, float(metrics["loss"]))

        open_step.append(close)
        return metrics

    trainer._update = timed_update
    try:
        trainer.train(config, Console(quiet=True))
    except Enough:
        return steps
    finally:
        trainer._update = update
    raise AssertionError("the trainer ended before all steps were timed")


def tokenised(rows: Path, model: Path, folder: Path) -> tuple[Path, DataReport]:
    """The rows as TRL takes them when they are tokens already, with the loss where ours has it."""
    samples, report = load_rows(
        Source("rows", rows), Tokenizer(model), CHATML, RowPolicy(LENGTH), folder / "cache"
    )
    path = folder / "tokens.jsonl"
    with path.open("w") as file:
        for sample in samples:
            ids = sample.tokens.tolist()
            labels = [i if weight else -100 for i, weight in zip(ids, sample.loss_weights, strict=True)]
            file.write(json.dumps({"input_ids": ids, "labels": labels}) + "\n")
    return path, report


def procedural(folder: Path) -> Path:
    path = folder / "rows.jsonl"
    with LocalSandbox() as sandbox:
        write_records(path, oracle_trajectories(make_arenas(ARENAS, seed=0), sandbox))
    return path


def measure(rows: Path | None, model: Path | None, trl_python: Path | None) -> list[Figure]:
    python = trl_python or ROOT / ".venv-trl" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is not there: `make trl` makes it, or name one with --trl-python")
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows = rows or procedural(folder)
        model = model or smollm2.convert(folder / "smollm2")
        data, report = tokenised(rows, model, folder)
        setting, tried = best_setting(lambda each: Trl(python, data, model, each))
        with closing(Trl(python, data, model, setting)) as trl:
            ours = our_steps(rows, model, folder, trl.step)
    return figures(report, tried, setting, ours, trl)


def figures(
    report: DataReport, tried: dict[Setting, float], setting: Setting, ours: Steps, trl: Trl
) -> list[Figure]:
    real = sum(ours.tokens) / (len(ours.tokens) * LENGTH * ROWS)
    ratio = ours.rate / trl.steps.rate
    others = ", ".join(f"{s.attention} {s.at_once}: {rate:.0f}" for s, rate in tried.items())
    loss = [statistics.mean(steps.losses) for steps in (ours, trl.steps)]
    return [
        Figure("rows", report.rows, "", f"{report.tokens / report.rows:.0f} tokens each"),
        Figure("tokens with loss", 100 * report.trained_tokens / report.tokens, "%"),
        Figure(f"astra_jax: rows of {LENGTH} filled", 100 * real, "%"),
        Figure(f"TRL: rows of {LENGTH} filled", 100 * trl.filled, "%", "what is empty is not computed"),
        Figure("astra_jax: mean loss", loss[0], "nats"),
        Figure("TRL: mean loss", loss[1], "nats"),
        Figure("astra_jax", ours.rate, "tokens/s"),
        Figure(
            f"TRL, {setting.attention}, {setting.at_once} packed rows at once",
            trl.steps.rate,
            "tokens/s",
            f"tried: {others}",
        ),
        Figure("ratio", ratio, "x", "TRL", f"at least {BAR}", ratio >= BAR),
        Figure(
            "ratio of tokens by processor time",
            ours.processor_rate / trl.steps.processor_rate,
            "x",
            f"{ours.processor_rate:.0f} and {trl.steps.processor_rate:.0f} tokens/s of a core",
        ),
    ]


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    main(
        "SFT of SmolLM2-135M, float32",
        measure,
        rows="rows of any form",
        model="directory of the model",
        trl_python="interpreter of the environment of `make trl`",
    )
