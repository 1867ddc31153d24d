"""What every verb is declared with: its place, its help with an example, and the arguments that verbs share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rich.console import Console

from astra_jax import configuration

CONFIG_HELP = """
Configurations are Python files under configs/. Any field can be set on the command line:
--config.optimizer.learning_rate=1e-3. --dry-run prints the resolved configuration and stops.
"""


def group(verbs: Any, name: str, what: str, example: str) -> Any:
    """The verbs under `astra NAME`, to be added to."""
    parser = _described(verbs, name, what, example)
    return parser.add_subparsers(dest="what", required=True, metavar="WHAT")


def verb(
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


def takes_sandbox_level(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sandbox-level",
        default="LANDLOCK",
        choices=["NAMESPACES", "LANDLOCK", "SECCOMP", "NONE"],
        help="least confinement accepted (default: %(default)s)",
    )


def takes_config(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--config", default=default, metavar="FILE", help="configuration (default: %(default)s)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved configuration and stop")
    parser.epilog = f"{parser.epilog}\n{CONFIG_HELP}"


def with_required(config: Any, *required: str) -> Any:
    for key in required:
        if not config[key]:
            raise configuration.BadConfig(f"configuration key `{key}` must be set: --config.{key}=...")
    return config
