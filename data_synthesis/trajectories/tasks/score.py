"""Four scores of a request, and the thresholds that it must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_synthesis.environments.lineage import revised
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Task, ToolServer
from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.tasks import prompts

DIMENSIONS = (
    "tool_selection_difficulty",
    "tool_selection_uniqueness",
    "question_quality",
    "scenario_realism",
)

# The paper has thresholds and does not give them. An easy choice of tools is no fault of a request.
_DEFAULTS = {"question_quality": 3.0, "scenario_realism": 3.0, "tool_selection_uniqueness": 2.0}


@dataclass(frozen=True)
class ScoreSettings:
    """
    Args:
        least: dimension -> the rating, 1 to 5, that a request must reach in it.

    Raises:
        ValueError: names a dimension that is none, or a rating that is none.
    """

    least: Mapping[str, float] = field(default_factory=lambda: dict(_DEFAULTS))

    def __post_init__(self) -> None:
        for name, rating in self.least.items():
            if name not in DIMENSIONS:
                raise ValueError(f"there is no score {name!r}; there are {', '.join(DIMENSIONS)}")
            if not 1 <= rating <= 5:
                raise ValueError(f"{name} must be at least something from 1 to 5, not {rating!r}")


async def score_task(task: Task, server: ToolServer, teacher: Teacher, *, settings: ScoreSettings) -> Task:
    """The task with its scores.

    Raises:
        Rejected: `low_DIMENSION` for the first that is under its threshold; the detail is the judge's reason.
        TeacherError: no answer, so no score.
    """
    prompt = prompts.score(task, server)
    reply = await teacher.ask(prompt)
    ratings = {name: getattr(reply, name) for name in DIMENSIONS}
    for name, least in settings.least.items():
        if ratings[name].rating < least:
            raise Rejected(f"low_{name}", f"{ratings[name].rating} of 5: {ratings[name].reason}")
    scores = {name: float(rating.rating) for name, rating in ratings.items()}
    return revised(task, teacher.name, f"{prompt.name}/{prompt.version}", scores=scores)
