"""`astra sft`, `astra rl`, `astra eval`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, takes_config, verb, with_required
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

    evals = group(
        verbs,
        "eval",
        "evaluate a checkpoint",
        "astra eval arenas --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out = verb(
        evals,
        "arenas",
        _eval_arenas,
        "held-out arenas: F1, recall, precision, success, calls, turns, with intervals",
        "astra eval arenas --config=configs/eval/nano.py --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out.add_argument("--json", type=Path, metavar="OUT", help="also write the summary here")
    takes_config(held_out, "configs/eval/nano.py")


def _sft(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.sft import train

    console.print(f"Hugging Face directory: {train(with_required(arguments.config, 'run_dir'), console)}")
    return 0


def _rl(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.rl import train

    config = with_required(arguments.config, "run_dir", "model", "arenas")
    console.print(f"Hugging Face directory: {train(config, console)}")
    return 0


def _eval_arenas(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.arenas import evaluate

    summary = evaluate(with_required(arguments.config, "model", "arenas"), console)
    console.print_json(json.dumps(summary))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    return 0
