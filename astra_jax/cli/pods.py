"""The flags with which a training verb runs as one of several processes, and what they do."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path

from rich.console import Console

from astra_jax.pods.place import PORT, NoPod, Place, find_place

LOGS = "logs"  # under the run's folder

Verb = Callable[[argparse.Namespace, Console], int]


def takes_place(parser: argparse.ArgumentParser) -> None:
    """Adds the flags; `in_a_pod` reads them."""
    pod = parser.add_argument_group(
        "several processes",
        "The same command on every host of a pod, with a run_dir that all share. None starts\nbefore all are there "
        "with the same code and configuration, and they end together. Status\n75: the same command on all hosts "
        "goes on.",
    )
    pod.add_argument(
        "--pod", action="store_true", help="on TPU hosts: Google Cloud says who belongs together"
    )
    pod.add_argument("--coordinator", metavar="HOST:PORT", help="elsewhere: where process 0 listens")
    pod.add_argument("--processes", type=int, metavar="N", help="with --coordinator: how many there are")
    pod.add_argument("--process", type=int, metavar="I", help="with --coordinator: which this is, from 0")
    pod.add_argument(
        "--port", type=int, default=PORT, help="with --pod: where process 0 listens (default: %(default)s)"
    )
    pod.add_argument(
        "--join-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for all processes to be there (default: %(default)g)",
    )
    pod.add_argument(
        "--peer-timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="for a process that no longer answers (default: %(default)g)",
    )
    pod.add_argument("--member", nargs=3, metavar=("ADDRESS", "N", "I"), help=argparse.SUPPRESS)


def in_a_pod(train: Verb) -> Verb:
    """`train`, which with the flags of `takes_place` is kept among the others of its pod.

    The keeper starts this command once more, as a child that joins the others (`--member`).
    """

    @wraps(train)
    def run(arguments: argparse.Namespace, console: Console) -> int:
        if arguments.member:
            from astra_jax.training.distributed import join

            address, count, index = arguments.member
            join(address, int(count), int(index), arguments.join_timeout)
            return train(arguments, console)
        place = _place(arguments)
        return _keep(place, arguments) if place else train(arguments, console)

    return run


def _place(arguments: argparse.Namespace) -> Place | None:
    """Raises NoPod where the flags do not make up a place."""
    said = {"--processes": arguments.processes, "--process": arguments.process}
    missing = [flag for flag, value in said.items() if value is None]
    if arguments.coordinator:
        if missing or arguments.pod:
            problem = f"{missing[0]} is missing" if missing else "--pod finds out by itself what it says"
            raise NoPod(f"--coordinator goes with --processes and --process: {problem}")
        return Place(arguments.process, arguments.processes, arguments.coordinator)
    if len(missing) < len(said):
        raise NoPod("--processes and --process go with --coordinator, which is missing")
    return find_place(os.environ, arguments.port) if arguments.pod else None


def _keep(place: Place, arguments: argparse.Namespace) -> int:
    from astra_jax.cli.parsing import with_required
    from astra_jax.pods.hub import Limits
    from astra_jax.pods.identity import Identity
    from astra_jax.pods.keeper import keep

    config = with_required(arguments.config, "run_dir")
    me = Identity.mine(place.index, {"verb": arguments.verb, "config": config.to_dict()})
    limits = Limits(arguments.join_timeout, arguments.peer_timeout)

    def command(address: str) -> Sequence[str]:
        member = ["--member", address, str(place.count), str(place.index)]
        return [sys.executable, "-u", "-m", "astra_jax.cli.member", *arguments.argv, *member]

    return keep(command, place, me, Path(config.run_dir) / LOGS, limits)
