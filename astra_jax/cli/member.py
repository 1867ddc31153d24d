"""`python -m astra_jax.cli.member`: the command line of a process that has a keeper (`astra_jax.cli.pods`)."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from astra_jax.cli import main
from astra_jax.training.interruption import EXIT_STATUS


def run(argv: Sequence[str]) -> int:
    """As `main`, but what went wrong ends the process at once: JAX would wait at exit for others that are stuck."""
    try:
        status = main(argv)
    except Exception:
        traceback.print_exc()
        status = 1
    if status not in (0, EXIT_STATUS):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
