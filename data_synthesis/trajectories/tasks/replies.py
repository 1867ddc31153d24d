"""What a teacher answers with about tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from data_synthesis.environments.replies import Reply


class TaskReply(Reply):
    """A request, after the thought that led to it. `target_tools` are names from the list that was shown."""

    analysis: str = ""
    target_tools: list[str] = Field(min_length=1)
    question: str = Field(min_length=1)


class VariantReply(Reply):
    """`note` says what changed: the new setting, the constraints, or how the person speaks."""

    note: str = ""
    question: str = Field(min_length=1)


Level = Literal[1, 2, 3, 4, 5]


class Rating(Reply):
    reason: str = ""
    rating: Level


class ScoresReply(Reply):
    """Each from 1 (worst) to 5; the reason comes before its rating."""

    tool_selection_difficulty: Rating
    tool_selection_uniqueness: Rating
    question_quality: Rating
    scenario_realism: Rating
