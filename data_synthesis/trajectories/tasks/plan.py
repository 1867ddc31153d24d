"""How many requests are written, and how many variations of each."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from data_synthesis.records import Task, TaskPlan, ToolChain, ToolServer
from data_synthesis.trajectories.tasks.personas import Persona, sampled_persona
from data_synthesis.trajectories.tasks.prompts import BY_MODE


@dataclass(frozen=True)
class PlanSettings:
    """Counts by which requests multiply. The paper names none; the defaults are upstream's launcher's.

    Args:
        samples: requests for one chain.
        open_tools: tool counts for which requests are written without a chain, once per server and sample.
        augmentations: ways in which each request is varied.
        variations: of each request in each way.
        seed: of the personas.

    Raises:
        ValueError: an unknown augmentation, or a count that is none.
    """

    samples: int = 2
    open_tools: tuple[int, ...] = (2, 3)
    augmentations: tuple[str, ...] = ("diverse", "complicate", "persona")
    variations: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [mode for mode in self.augmentations if mode not in BY_MODE]:
            raise ValueError(f"there is no augmentation {unknown[0]!r}; there are {', '.join(BY_MODE)}")
        if self.samples < 1 or self.variations < 0 or any(count < 1 for count in self.open_tools):
            raise ValueError("samples and open_tools must be 1 or more, variations 0 or more")


def open_chains(server: ToolServer, settings: PlanSettings) -> list[ToolChain]:
    """Chains that only say how many tools to use, for the counts that the server can serve."""
    counts = [count for count in settings.open_tools if count <= len(server.tools)]
    return [ToolChain(server_id=server.id, tool_count=count) for count in counts]


def samples_of(chain: ToolChain, settings: PlanSettings) -> list[ToolChain]:
    """The chain once for each task that is wanted for it, so that one that fails loses no other."""
    content = chain.model_dump(exclude={"id"})
    return [ToolChain.model_validate({**content, "sample": i}) for i in range(1, settings.samples + 1)]


def planned(task: Task, settings: PlanSettings, personas: Sequence[Persona] = ()) -> list[TaskPlan]:
    """The task as it is, and one plan for each variation of it.

    Args:
        personas: to draw from; without any they are sampled from built-in parts.
    """
    plans = [TaskPlan(task=task)]
    for mode in settings.augmentations:
        for variant in range(1, settings.variations + 1):
            persona = _persona(task, variant, settings, personas) if mode == "persona" else None
            plans.append(TaskPlan(task=task, augmentation=mode, variant=variant, persona=persona))
    return plans


def _persona(task: Task, variant: int, settings: PlanSettings, personas: Sequence[Persona]) -> dict:
    digest = hashlib.sha256(f"{settings.seed} {task.id} {variant}".encode()).digest()
    rng = random.Random(digest)
    chosen = rng.choice(personas) if personas else sampled_persona(rng)
    return chosen.model_dump(mode="json", exclude_defaults=True)
