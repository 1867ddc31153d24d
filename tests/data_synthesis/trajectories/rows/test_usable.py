"""Nothing broken, and nothing without its scores, may be trained on; the first only ever, the second unless asked."""

from __future__ import annotations

import pytest
from row_strategy import run

from data_synthesis.pipeline import Rejected
from data_synthesis.records import AgentRun, Judgement, Message, Trajectory
from data_synthesis.trajectories.rows import check_usable
from data_synthesis.trajectories.rows.usable import mean_score, scores_of

NULL = {"query_plan": Judgement(score=None, by="model", reason="down")}


def reason_of(row: Trajectory, unjudged: bool) -> str:
    try:
        check_usable(row, unjudged=unjudged)
    except Rejected as no:
        return no.reason
    return ""


@pytest.mark.parametrize(
    ("row", "judged", "unjudged"),
    [
        (run(), "", ""),
        (run(status="broken", outcome="deadline"), "broken", "broken"),
        (run(scores={}, judgements={}), "not_judged", ""),
        (run(scores={"query_plan": None}), "null_score", ""),
        (run(scores={}, judgements=NULL), "null_score", ""),
        (run(scores={"query_plan": 1.0}, judgements=NULL), "null_score", ""),
        (run(messages=[Message(role="user", content="?")]), "no_messages", "no_messages"),
        (run(messages=run().messages[:3] + run().messages[4:]), "call_without_result", "call_without_result"),
        (run(messages=run().messages[2:]), "result_without_call", "result_without_call"),
        (run(tools=[]), "no_tools", "no_tools"),
        (Trajectory(messages=run().messages, tools=run().tools), "", ""),
        (Trajectory(messages=run().messages, tools=run().tools, scores={"a": None}), "null_score", ""),
    ],
)
def test_what_may_be_trained_on(row, judged, unjudged):
    assert (reason_of(row, False), reason_of(row, True)) == (judged, unjudged)


def test_a_null_judgement_is_not_hidden_by_a_score():
    row: AgentRun = run(scores={"query_plan": 1.0}, judgements=NULL)
    assert scores_of(row) == {"query_plan": None}
    assert mean_score(row) is None
    assert mean_score(run()) == 0.75
