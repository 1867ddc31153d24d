"""What one-step-off saves of a step, where sampling does not need the processors that train.

`python -m benchmarks.rl_overlap [--json FILE]`. The trainer is the real one, of a nano model on procedural arenas; the
engine is simulated (`config.simulated`): it draws tokens at random and takes its time, without computing. The update
has one thread, so that a processor is left for episodes and their tools. So the ratio says what the trainer's own order
costs, and nothing of two computations that share processors. On-policy and one-step-off runs take turns; figures are
medians over steps, the first ones left out, in which programs are compiled.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

os.environ["PJRT_NPROC"] = "1"

from flax import nnx
from rich.console import Console

from astra_jax import configuration
from astra_jax.checkpoints.hf import export_model
from astra_jax.models import ModelConfig, Transformer
from astra_jax.rl import train
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.training.metrics import read_metrics
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import oracle_trajectory, prove_all
from data_synthesis.records import write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import make_arenas

ARENAS, RUNS, STEPS, SKIPPED = 12, 2, 8, 3
TOKENS, TOKEN_S = 64, 0.02  # of a turn
BAR = 1.1


def prepare(folder: Path) -> None:
    """Proved arenas and an untrained model."""
    with LocalSandbox() as sandbox:
        arenas = list(prove_all(make_arenas(ARENAS, seed=0), sandbox))
        rows = [oracle_trajectory(arena, sandbox) for arena in arenas]
    write_records(folder / "arenas.jsonl", arenas)
    tokenizer = train_tokenizer(rows, folder / "tokenizer", vocab_size=1024)
    shape = ModelConfig(
        "qwen3", tokenizer.vocab_size, 128, 384, 4, num_heads=4, num_kv_heads=2, head_dim=32, qk_norm=True
    )
    export_model(Transformer(shape, rngs=nnx.Rngs(0)), folder / "model", tokenizer_dir=tokenizer.directory)


def steps_of(folder: Path, run: str, one_step_off: bool) -> list[dict[str, Any]]:
    """Metrics of the steps that count, of a new run."""
    config = configuration.load("configs/rl/nano.py")
    config.run_dir, config.model = str(folder / run), str(folder / "model")
    config.arenas, config.steps, config.checkpoint_every = str(folder / "arenas.jsonl"), STEPS, STEPS
    config.min_spread = -1.0  # groups that say nothing are trained on all the same
    config.groups_per_batch = config.round_groups = 8
    config.async_steps = int(one_step_off)
    config.limits.max_turn_tokens, config.simulated.token_s = TOKENS, TOKEN_S
    train(config, Console(quiet=True))
    return read_metrics(folder / run)[SKIPPED:-1]  # the last step plays nothing ahead


def measure() -> list[Figure]:
    steps: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for run in range(RUNS):
            for one_step_off in steps:
                steps[one_step_off] += steps_of(folder, f"{run}-{one_step_off}", one_step_off)

    def median(one_step_off: bool, name: str) -> float:
        return statistics.median(record[name] for record in steps[one_step_off])

    rollout, update = median(False, "time/rollout_s"), median(False, "time/update_s")
    ratio = median(True, "time/step_s") / max(rollout, update)
    return [
        Figure("rollout", rollout, "s", "on-policy"),
        Figure("update", update, "s", "on-policy"),
        Figure("step, on-policy", median(False, "time/step_s"), "s"),
        Figure("step, one-step-off", median(True, "time/step_s"), "s"),
        Figure("one-step-off", ratio, "x", "the longer of both", f"at most {BAR}", ratio <= BAR),
    ]


if __name__ == "__main__":
    main("a step of RL whose engine computes elsewhere", measure)
