"""The benchmark's data, classes and checkers, which live in an environment of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from astra_jax.evaluation.bfcl.records import BfclItem, Call, Verdict
from astra_jax.evaluation.worker import Program, WorkerPool

_HERE = Path(__file__).parent
# The package makes folders where it is told, and dates of trades depend on the time zone.
_ENVIRONMENT = {"BFCL_PROJECT_ROOT": "{folder}", "TZ": "UTC"}


class Package(NamedTuple):
    """A version of the benchmark: the wheel, what answers in its environment, and the target of `make` for that."""

    name: str
    script: Path
    target: str


PACKAGES = {
    "v4": Package("bfcl-eval", _HERE / "worker_program.py", "bfcl"),
    "v3": Package("nvidia-bfcl", _HERE / "older_package.py", "bfcl-v3"),
}

Steps = Sequence[Sequence[Call]]


class BfclWorld:
    """Workers that know no state between requests, so that whichever is free can answer.

    Raises, from all but `close`:
        WorkerFailed: no answer.
    """

    def __init__(self, package: Package, python: str | Path = "", workers: int = 2, deadline_s: float = 60.0):
        """
        Args:
            python: of the environment; empty: that which `make` makes.

        Raises:
            FileNotFoundError: the environment is not there.
        """
        interpreter = Path(python or f".venv-{package.target}/bin/python")
        made_by = f"make {package.target}"
        program = Program(package.name, interpreter, package.script, made_by, _ENVIRONMENT, deadline_s)
        self._pool = WorkerPool(program, workers)

    async def groups(self) -> dict[str, list[str]]:
        """The categories that can be played, by group."""
        return await self._pool.ask("categories")

    async def items(self, category: str) -> list[BfclItem]:
        return [BfclItem(**item) for item in await self._pool.ask("items", category=category)]

    async def answers(self, category: str) -> dict[str, Any]:
        """The ground truth by item: of multi-turn items turns of calls, else what each parameter may be."""
        return await self._pool.ask("answers", category=category)

    async def execute(self, item: str, steps: Steps) -> list[str]:
        """What each call of the last step returns, when those before were done in a fresh world."""
        return await self._pool.ask("execute", id=item, steps=_plain(steps))

    async def check(self, item: str, turns: Sequence[Steps]) -> Verdict:
        """The official verdict. Of an item with one turn, no step says that its calls could not be read."""
        return Verdict(**await self._pool.ask("check", id=item, turns=[_plain(steps) for steps in turns]))

    async def close(self) -> None:
        await self._pool.close()


def _plain(steps: Steps) -> list[list[Mapping[str, Any]]]:
    return [[call.model_dump() for call in step] for step in steps]
