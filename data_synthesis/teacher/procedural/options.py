"""What kind of arenas to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from data_synthesis.records import Scenario

# Fewest and most sub-questions with which a scenario is itself.
SUB_QUESTIONS: dict[Scenario, tuple[int, int]] = {
    "single_hop": (1, 1),
    "parallel_single_hop": (2, 6),
    "multi_hop": (2, 6),
    "parallel_multi_hop": (3, 6),
}


def _even() -> dict[Scenario, float]:
    return dict.fromkeys(SUB_QUESTIONS, 1.0)


@dataclass(frozen=True)
class Options:
    """How hard and how wordy arenas are.

    Attributes:
        docs: `full` is realistic; `brief` keeps tools, questions and answers short and plain, for models trained
            from nothing: what is asked is then named by the words that name the tool.
        scenarios: how often each scenario is drawn, as weights.
        min_sub_questions, max_sub_questions: gold calls in an arena, 1 to 6.
        siblings: fewest and most unneeded tools of the same domain.
        distractors: fewest and most unneeded tools of other domains.
        distractor_domains: where those come from; None is every built-in domain but the arena's own.
        missing_function: share of arenas in which a needed tool appears only after the user's follow-up.
        missing_parameter: share of arenas in which the user forgets a value and supplies it in a follow-up.
        rows: fewest and most rows of a table.
        invented: share of arenas whose nouns are replaced by unrelated words, so that a model must read the tools.
    """

    docs: Literal["full", "brief"] = "full"
    scenarios: Mapping[Scenario, float] = field(default_factory=_even)
    min_sub_questions: int = 1
    max_sub_questions: int = 6
    siblings: tuple[int, int] = (1, 3)
    distractors: tuple[int, int] = (0, 2)
    distractor_domains: tuple[str, ...] | None = None
    missing_function: float = 0.0
    missing_parameter: float = 0.0
    rows: tuple[int, int] = (5, 12)
    invented: float = 0.0

    def __post_init__(self) -> None:
        unknown = [s for s in self.scenarios if s not in SUB_QUESTIONS]
        if unknown:
            raise ValueError(f"unknown scenario {unknown[0]!r}: choose among {', '.join(SUB_QUESTIONS)}")
        if not 1 <= self.min_sub_questions <= self.max_sub_questions <= 6:
            bounds = f"{self.min_sub_questions} to {self.max_sub_questions}"
            raise ValueError(f"sub-questions must be within 1 to 6, not {bounds}")
        if self.missing_function + self.missing_parameter > 1:
            raise ValueError("missing_function and missing_parameter are shares: their sum must not exceed 1")
        if not any(self.weights(longest_chain=6).values()):
            raise ValueError("no scenario with a positive weight has so few or so many sub-questions")

    @property
    def brief(self) -> bool:
        return self.docs == "brief"

    def bounds(self, scenario: Scenario, longest_chain: int) -> tuple[int, int]:
        """Fewest and most sub-questions, in a domain whose chains have at most `longest_chain` links."""
        low, high = SUB_QUESTIONS[scenario]
        high = min(high, longest_chain) if scenario == "multi_hop" else high
        return max(low, self.min_sub_questions), min(high, self.max_sub_questions)

    def weights(self, longest_chain: int) -> dict[Scenario, float]:
        """The scenarios that these bounds allow, with their weights."""
        bounds = {scenario: self.bounds(scenario, longest_chain) for scenario in self.scenarios}
        return {s: weight for s, weight in self.scenarios.items() if bounds[s][0] <= bounds[s][1]}
