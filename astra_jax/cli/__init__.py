"""`astra VERB`: one verb per job. Each is a few lines around a function that a notebook can call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor

from rich.console import Console

from astra_jax import configuration
from astra_jax.cli.arenas import add_arena_verbs
from astra_jax.cli.evaluation import add_eval_verbs
from astra_jax.cli.export import add_export_verbs
from astra_jax.cli.parsing import takes_config, verb
from astra_jax.cli.plan import add_plan_verb
from astra_jax.cli.rows import add_row_verbs
from astra_jax.cli.serve import add_serve_verb
from astra_jax.cli.synth import add_synth_verbs
from astra_jax.cli.training import add_training_verbs
from astra_jax.pods.place import NoPod
from astra_jax.training.interruption import EXIT_STATUS, Interrupted


def main(argv: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status: 0 done, 1 a check failed, 2 the user must change something, 75 the
    run was asked to stop and the same command goes on, 130 it was stopped by hand."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    arguments.argv = list(sys.argv[1:] if argv is None else argv)
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
    except Interrupted as stop:
        Console(stderr=True).print(f"astra: {stop}", markup=False, soft_wrap=True)
        return EXIT_STATUS
    except KeyboardInterrupt:
        Console(stderr=True).print("astra: stopped; the same command goes on where this one was")
        return 130


def _expected() -> tuple[type[Exception], ...]:
    """What a user can cause and mend. Anything else is a bug, and shows its traceback."""
    from astra_jax.checkpoints.error import CheckpointError
    from astra_jax.evaluation.report import NothingToReport
    from astra_jax.inference.sglang.errors import ServersDown, UnfitServer
    from astra_jax.models.families import UnsupportedModel
    from astra_jax.planning.topology import CompilerFailed, NoCompiler, UnknownTopology
    from astra_jax.rl.handshake import PolicyMismatch
    from astra_jax.rl.rewards import RewardFailed
    from astra_jax.sharding import ShardingError
    from astra_jax.training.checkpoint import CheckpointMismatch, SaveFailed
    from astra_jax.training.run_folder import ConfigChanged, RunBusy
    from astra_jax.training.settings import BadSetting
    from data_synthesis.arenas import InfrastructureFailure
    from data_synthesis.arenas.oracle import UnsolvedArena
    from data_synthesis.embedding import EmbeddingUnavailable
    from data_synthesis.environments import NotProved
    from data_synthesis.pipeline import PipelineError
    from data_synthesis.records import BadRecord
    from data_synthesis.sandbox import SandboxUnavailable
    from data_synthesis.selection import SelectionError
    from data_synthesis.teacher.procedural import ImpossibleOptions
    from data_synthesis.teacher.transcript import BadTranscript
    from data_synthesis.trajectories.rehearsal.script import BadRehearsal

    return (
        configuration.BadConfig,
        BadRecord,
        BadRehearsal,
        BadSetting,
        BadTranscript,
        BrokenExecutor,
        CheckpointError,
        CheckpointMismatch,
        ConfigChanged,
        EmbeddingUnavailable,
        FloatingPointError,
        ImpossibleOptions,
        InfrastructureFailure,
        CompilerFailed,
        NoCompiler,
        NoPod,
        NotProved,
        NothingToReport,
        OSError,
        PipelineError,
        PolicyMismatch,
        RewardFailed,
        RunBusy,
        SandboxUnavailable,
        SaveFailed,
        SelectionError,
        ServersDown,
        ShardingError,
        UnfitServer,
        UnknownTopology,
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

    results = quickstart(arguments.config, console, fresh=arguments.fresh, until=arguments.until)
    return 1 if results and results["hf_check"]["same_greedy_episode"] is False else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="astra",
        description="The ASTRA loop in JAX: arenas, SFT, RL, evaluation, export.",
        epilog="Begin with: astra quickstart",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    quick = verb(
        verbs, "quickstart", _quickstart, "the whole loop on a laptop", "astra quickstart --config.seed=1"
    )
    quick.add_argument("--fresh", action="store_true", help="start over; deletes what the run folder holds")
    quick.add_argument("--until", default="", metavar="STAGE", help="the last stage to run, such as sft")
    takes_config(quick, "configs/quickstart/nano.py")

    add_synth_verbs(verbs)
    add_arena_verbs(verbs)
    add_row_verbs(verbs)
    add_training_verbs(verbs)
    add_eval_verbs(verbs)
    add_export_verbs(verbs)
    add_serve_verb(verbs)
    add_plan_verb(verbs)
    return parser
