"""`astra plan`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax import configuration
from astra_jax.cli.parsing import takes_config, verb

STEPS = ("sft", "rl", "prefill", "decode", "all")

# The TPU compiler runs on a CPU: no chip is looked for, no metadata server asked, other compilers may run beside it.
ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}


def add_plan_verb(verbs: Any) -> None:
    plan = verb(
        verbs,
        "plan",
        _plan,
        "compile for a TPU slice that is not there: does it fit, and how fast can it be at best",
        "astra plan --config=configs/sft/qwen3_8b.py --topology=v5e-16",
    )
    plan.add_argument(
        "--topology",
        default="v5e-16",
        metavar="NAME",
        help="as Google Cloud counts it (v5e-16, v6e-256: chips; v5p-64: TensorCores), or v5p:4x4x4 (default: v5e-16)",
    )
    plan.add_argument("--slices", type=int, default=1, help="how many such slices (default: %(default)s)")
    plan.add_argument("--step", choices=STEPS, default="all", help="of what the configuration has")
    plan.add_argument(
        "--memory",
        action="store_true",
        help="memory and communication alone: seconds, where times take minutes",
    )
    plan.add_argument("--largest-batch", action="store_true", help="also search the largest batch that fits")
    plan.add_argument("--sweep", action="store_true", help="meshes with remat policies: the Pareto front")
    plan.add_argument("--json", type=Path, metavar="FILE", help="also write the plans here")
    takes_config(plan, "configs/sft/qwen3_8b.py")


def _plan(arguments: argparse.Namespace, console: Console) -> int:
    os.environ |= ENVIRONMENT
    from astra_jax.planning.programs import kinds_of
    from astra_jax.planning.report import CONVENTION
    from astra_jax.planning.topology import find_slice

    where = find_slice(arguments.topology, arguments.slices)
    kinds = kinds_of(arguments.config) if arguments.step == "all" else (arguments.step,)
    found = [_one(kind, arguments, where, console) for kind in kinds]
    console.print(CONVENTION, style="dim")
    if arguments.json:
        _write(arguments.json, found)
    return 0 if all(plan["fits"] for plan in found) else 1


def _one(kind: str, arguments: argparse.Namespace, where: Any, console: Console) -> dict[str, Any]:
    """Plans one step and prints what was asked for; returns its JSON."""
    from astra_jax.planning.plan import make_plan
    from astra_jax.planning.report import show_front, show_plan, show_trial
    from astra_jax.planning.search import largest_batch, remedies, sweep

    config = arguments.config
    plan = make_plan(kind, config, where, memory_only=arguments.memory)
    show_plan(plan, console)
    written = plan.as_json() | {"config": configuration.describe(config).splitlines()}
    searches = {}
    if not plan.fits:
        searches["remedies"] = ("what to change, tried:", remedies(kind, config, where))
    elif arguments.largest_batch:
        searches["largest_batch"] = ("larger batches, tried:", largest_batch(kind, plan, config, where))
    if arguments.sweep:
        searches["sweep"] = ("meshes and remat policies:", sweep(kind, config, where))
    for name, (title, search) in searches.items():
        console.print(title)
        trials = []
        for trial in search:
            show_trial(trial, console)
            trials.append(trial)
        if name == "sweep":
            show_front(trials, console)
        written[name] = [trial.as_json() for trial in trials]
    return written


def _write(path: Path, plans: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(plans, indent=2) + "\n", "utf-8")
    part.replace(path)
