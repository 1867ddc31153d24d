"""Processes elsewhere that do the steps, each with a teacher and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from data_synthesis.pipeline import Executor, RayCluster, Stage
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher


@dataclass(frozen=True)
class Workers:
    """On which cluster the steps are done, and with what.

    Args:
        make_teacher, make_sandbox: called once by each worker. Sent by pickle, so of a module that workers can
            import: a class, or a `functools.partial` of one.
    """

    cluster: RayCluster
    make_teacher: Callable[[], Teacher]
    make_sandbox: Callable[[], Sandbox]

    def executor(self, make_stages: Callable[[Teacher, Sandbox], Sequence[Stage[Any]]]) -> Executor:
        """An executor whose workers give their teacher and sandbox to `make_stages`, which is sent by pickle too."""
        return self.cluster.executor(partial(_made, make_stages, self.make_teacher, self.make_sandbox))


def _made(
    make_stages: Callable[[Teacher, Sandbox], Sequence[Stage[Any]]],
    make_teacher: Callable[[], Teacher],
    make_sandbox: Callable[[], Sandbox],
) -> Sequence[Stage[Any]]:
    return make_stages(make_teacher(), make_sandbox())
