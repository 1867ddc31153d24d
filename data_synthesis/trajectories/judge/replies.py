"""What a judge answers with: the reason first, then one of the scores that there are."""

from __future__ import annotations

from typing import Literal

from data_synthesis.environments.replies import Reply

Score = Literal["0", "0.5", "1"]


class Verdict(Reply):
    """The scores are words: JSON Schema's 1 and 1.0 are one number, and not every grammar knows that."""

    reason: str = ""
    score: Score

    @property
    def value(self) -> float:
        return float(self.score)


class OpeningReply(Reply):
    query_understanding: Verdict
    query_plan: Verdict


class RoundReply(Reply):
    tool_understanding: Verdict
    tool_plan: Verdict


class CallVerdict(Reply):
    id: str
    reason: str = ""
    necessary: bool


class CallsReply(Reply):
    calls: list[CallVerdict]


class AnswerReply(Reply):
    correlation: Verdict
    summary: Verdict
