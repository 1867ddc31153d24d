"""`astra eval`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, takes_config, verb, with_required


def add_eval_verbs(verbs: Any) -> None:
    evals = group(
        verbs,
        "eval",
        "evaluate a checkpoint or a served model",
        "astra eval arenas --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out = verb(
        evals,
        "arenas",
        _arenas,
        "held-out arenas: F1, recall, precision, success, calls, turns, with intervals",
        "astra eval arenas --config=configs/eval/nano.py --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out.add_argument("--json", type=Path, metavar="OUT", help="also write the summary here")
    takes_config(held_out, "configs/eval/nano.py")
    _add_bfcl(evals)
    _add_tau2(evals)


def _add_bfcl(evals: Any) -> None:
    bfcl = verb(
        evals,
        "bfcl",
        _bfcl,
        "BFCL with its official checkers; the same command goes on",
        "astra eval bfcl --config.model=runs/rl/hf --config.out_dir=runs/bfcl_rl",
    )
    truths = bfcl.add_mutually_exclusive_group()
    for name, truth, what in (
        ("--ground-truth", "whole", "play the ground truth in the place of a model: all must hold"),
        ("--truncated-ground-truth", "truncated", "the same without each item's last call: none must hold"),
    ):
        truths.add_argument(name, dest="truth", action="store_const", const=truth, default="", help=what)
    takes_config(bfcl, "configs/eval/bfcl.py")


def _add_tau2(evals: Any) -> None:
    tau2 = verb(
        evals,
        "tau2",
        _tau2,
        "tau2-bench with its official evaluators and a simulated user; the same command goes on",
        "astra eval tau2 --config.model=runs/rl/hf --config.user.model=NAME "
        "--config.user.base_urls=\"('http://127.0.0.1:30000/v1',)\"",
    )
    tau2.add_argument(
        "--golden", action="store_true", help="play the golden actions in the place of a model: all must pass"
    )
    takes_config(tau2, "configs/eval/tau2.py")


def _arenas(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.arenas import evaluate

    summary = evaluate(with_required(arguments.config, "model", "arenas"), console)
    console.print_json(json.dumps(summary))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    return 0


def _bfcl(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.official.bfcl import evaluate

    config = arguments.config if arguments.truth else with_required(arguments.config, "model")
    summary = evaluate(config, console, arguments.truth)
    return int(any(row["unknown"] for row in summary["categories"].values()))


def _tau2(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.official.tau2 import evaluate

    config = arguments.config if arguments.golden else with_required(arguments.config, "model")
    summary = evaluate(config, console, golden=arguments.golden)
    return int(any(row["unknown"] for row in summary["domains"].values()))
