"""`astra sft`, `astra rl`."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import takes_config, verb, with_required
from astra_jax.cli.pods import in_a_pod, takes_place


def add_training_verbs(verbs: Any) -> None:
    sft = verb(
        verbs,
        "sft",
        in_a_pod(_sft),
        "supervised fine-tuning; the same command resumes",
        "astra sft --config=configs/sft/nano.py --config.run_dir=runs/sft --config.data.path=rows.jsonl",
    )
    takes_config(sft, "configs/sft/nano.py")
    takes_place(sft)
    rl = verb(
        verbs,
        "rl",
        in_a_pod(_rl),
        "online multi-turn RL over arenas; the same command resumes",
        "astra rl --config=configs/rl/nano.py --config.run_dir=runs/rl --config.model=runs/sft/hf "
        "--config.arenas=arenas.jsonl",
    )
    takes_config(rl, "configs/rl/nano.py")
    takes_place(rl)
    half = rl.add_mutually_exclusive_group()
    half.add_argument(
        "--rollout-only",
        action="store_true",
        help="play and keep each step's batch in run_dir/batches; no update",
    )
    half.add_argument(
        "--train-only",
        default="",
        metavar="FOLDER",
        help="train on the batches that a run has kept; play nothing",
    )


def _sft(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.sft import train

    console.print(f"Hugging Face directory: {train(with_required(arguments.config, 'run_dir'), console)}")
    return 0


def _rl(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.rl import train

    config = with_required(arguments.config, "run_dir", "model")
    config.rollout_only = config.rollout_only or arguments.rollout_only
    config.train_only = config.train_only or arguments.train_only
    made = train(config, console)
    console.print(f"{'Batches' if config.rollout_only else 'Hugging Face directory'}: {made}")
    return 0
