"""How runs are judged, and which are accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DIMENSIONS = (
    "query_understanding",
    "query_plan",
    "tool_understanding",
    "tool_plan",
    "tool_status",
    "conciseness",
    "final_answer",
)
OVERALL = "overall"


@dataclass(frozen=True)
class JudgeSettings:
    """
    Args:
        failed_call: what a call that failed is worth. Paper: 0; upstream's code: 0.5.
        fault_cap: the overall score at most of a run in which a rule found a fault: an invented address, another
            language, a failure that is kept quiet. The paper's mean alone would forgive these.
        attempts: answers asked for until one is about all calls.
        output_chars: of one result, as a judge sees it: no less than what the agent saw.
        sample: tells apart opinions of one judge on one run.

    Raises:
        ValueError: names the value that is none.
    """

    failed_call: float = 0.0
    fault_cap: float = 0.5
    attempts: int = 3
    output_chars: int = 8192
    sample: int = 0

    def __post_init__(self) -> None:
        for name in ("failed_call", "fault_cap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)!r}")
        if self.attempts < 1 or self.output_chars < 1:
            raise ValueError("attempts and output_chars must be 1 or more")


@dataclass(frozen=True)
class AcceptSettings:
    """The paper filters by the mean of the seven and names no threshold.

    Args:
        least_overall: the overall score that a run must have.
        least: dimension -> the score that it must have there.
        nulls: whether a run is accepted where a judge failed, by the mean of the scores that there are.

    Raises:
        ValueError: names the value or the dimension that is none.
    """

    least_overall: float = 0.7
    least: Mapping[str, float] = field(default_factory=lambda: {"final_answer": 0.75})
    nulls: bool = False

    def __post_init__(self) -> None:
        for name, score in {**self.least, OVERALL: self.least_overall}.items():
            if name not in (*DIMENSIONS, OVERALL):
                raise ValueError(f"there is no score {name!r}; there are {', '.join(DIMENSIONS)}")
            if not 0 <= score <= 1:
                raise ValueError(f"{name} must be at least something from 0 to 1, not {score!r}")
