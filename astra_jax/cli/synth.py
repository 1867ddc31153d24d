"""`astra synth`: arenas, and rows from them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, takes_config, takes_sandbox_level, verb


def add_synth_verbs(verbs: Any) -> None:
    synth = group(verbs, "synth", "make training data", "astra synth arenas --config.count=500")
    arenas = verb(
        synth,
        "arenas",
        _synth_arenas,
        "arenas, from the built-in generators or through a teacher",
        "astra synth arenas --config=configs/synth/arenas_procedural.py --config.count=500",
    )
    takes_config(arenas, "configs/synth/arenas_procedural.py")
    arenas.add_argument("--from", dest="from_step", metavar="STEP", help="first step to run: decompose, ...")
    arenas.add_argument("--to", dest="to_step", metavar="STEP", help="last step to run: ..., prove")

    trajectories = verb(
        synth,
        "trajectories",
        _synth_trajectories,
        "judged SFT rows from MCP servers, live or by their documents",
        "astra synth trajectories --config=configs/synth/trajectories_demo.py",
    )
    takes_config(trajectories, "configs/synth/trajectories_demo.py")
    trajectories.add_argument(
        "--from", dest="from_step", metavar="STEP", help="first step to run: propose, ..."
    )
    trajectories.add_argument("--to", dest="to_step", metavar="STEP", help="last step to run: ..., accept")

    agreement = verb(
        synth,
        "agreement",
        _synth_agreement,
        "judge some of the judged runs again, and say how far the two judgements agree",
        "astra synth agreement --config=configs/synth/trajectories_demo.py --config.agreement.runs=50",
    )
    takes_config(agreement, "configs/synth/trajectories_demo.py")

    rows = verb(
        synth,
        "rows",
        _synth_rows,
        "SFT rows: the gold calls of each arena, played for real",
        "astra synth rows runs/arenas_procedural/arenas.jsonl rows.jsonl",
    )
    rows.add_argument("arenas", type=Path, help="JSONL of proved arenas")
    rows.add_argument("out", type=Path, help="JSONL of trajectories to write")
    rows.add_argument("--seed", type=int, default=0, help="orders the tools (default: %(default)s)")
    rows.add_argument(
        "--double-checks",
        type=float,
        default=0.0,
        metavar="P",
        help="how likely the last call is made twice, a habit that RL can unlearn (default: %(default)s)",
    )
    takes_sandbox_level(rows)


def _synth_arenas(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.synthesis import synthesise

    return synthesise(_with_steps(arguments), console)


def _synth_trajectories(arguments: argparse.Namespace, console: Console) -> int:
    return _trajectories().synthesise(_with_steps(arguments), console)


def _synth_agreement(arguments: argparse.Namespace, console: Console) -> int:
    return _trajectories().agree(arguments.config, console)


def _trajectories() -> Any:
    try:
        from astra_jax import trajectories
    except ModuleNotFoundError as error:
        from astra_jax.training.settings import BadSetting

        raise BadSetting(f"trajectories need {error.name}: pip install 'astra-jax[synthesis]'") from error
    return trajectories


def _with_steps(arguments: argparse.Namespace) -> Any:
    steps = {"from_step": arguments.from_step, "to_step": arguments.to_step}
    arguments.config.update({name: step for name, step in steps.items() if step})
    return arguments.config


def _synth_rows(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.synthesis import write_oracle_rows
    from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

    with LocalSandbox(ConfinementLevel[arguments.sandbox_level]) as sandbox:
        count = write_oracle_rows(
            arguments.arenas,
            arguments.out,
            sandbox,
            seed=arguments.seed,
            double_checks=arguments.double_checks,
        )
    console.print(f"{count} SFT rows in {arguments.out}")
    return 0
