"""What rules find in a run, and what they leave alone: a good run must not be capped, a bad one not pass."""

import pytest
from judged_runs import FOUND, GOOD, PAID, SERVER, judge_of_one_mind, run_of
from test_judge import judged, refused

from data_synthesis.records import ToolSpec
from data_synthesis.trajectories.judge import JudgeSettings
from data_synthesis.trajectories.runs.loop import RunSettings

FAILED = ("refund", {"order_id": "7"}, "server_error", "Error 500")


def found(text):
    return ("find_order", {"customer": "Ann"}, "ok", text)


def with_tools(run, *tools):
    return run.model_copy(update={"tools": list(tools)})


def tool(name, description="does it"):
    return ToolSpec(name=name, description=description, parameters={"type": "object", "properties": {}})


def again(name, *outputs, **options):
    run = run_of(*[[(name, {}, "ok", output)] for output in outputs], targets=(name,), **options)
    return with_tools(run, tool(name))


COMMITS = "a1: Add a changelog for the release\nb2: Compute high water for small harbours\nc3: Begin the tide tables"
RIGHT = {
    "an address as JSON escapes it": run_of(
        [found('{"url": "https:\\/\\/shop.example\\/7"}')], [PAID], answer="See https://shop.example/7."
    ),
    "an address as Go escapes it": run_of(
        [found("https://shop.example/?a=1\\u0026b=2")], [PAID], answer="See https://shop.example/?a=1&b=2"
    ),
    "an address as HTML escapes it": run_of(
        [found('<a href="https://shop.example/?a=1&amp;b=2">')],
        [PAID],
        answer="See https://shop.example/?a=1&b=2",
    ),
    "an address without its scheme": run_of(
        [found("shop.example/7")], [PAID], answer="See https://shop.example/7."
    ),
    "the site of an address": run_of(
        *GOOD, answer="It is on https://shop.example, order 7. Ann has her money."
    ),
    "an address of a tool's document": with_tools(
        run_of(*GOOD, answer="Done. Ask https://status.shop.example"),
        *[t.model_copy(update={"description": "see https://status.shop.example"}) for t in SERVER.tools],
    ),
    "a result too long to show": run_of(
        [("find_order", {"customer": "Ann"}, "oversized", "order 7 " + "y" * 8000)],
        targets=("find_order",),
        answer="It is order 7.",
    ),
    "a call again that does something again": again(
        "skip_track", "now playing: B", "now playing: C", query="Skip two tracks.", answer="Now playing C."
    ),
    "a Chinese answer that quotes English": run_of(
        [found(COMMITS)], [PAID], query="请列出最近的三个提交。", answer=f"最近的提交如下：\n{COMMITS}"
    ),
    "a failure that was mended": run_of([FAILED], [PAID]),
}
WRONG = {
    "a failure behind the word error": run_of([FOUND], [FAILED], answer="All done without any error."),
    "a failure behind the word sorry": run_of([FOUND], [FAILED], answer="Sorry for the wait! All done."),
    "a failure behind 没有任何错误": run_of(
        [FOUND], [FAILED], query="请退款。", answer="已经退款，没有任何错误。"
    ),
    "one of two that failed": run_of(
        [("refund", {"order_id": "6"}, "ok", "paid"), FAILED], answer="Both orders are refunded."
    ),
    "an address that the assistant said before": run_of(
        *GOOD[:1], [PAID], answer="Done: https://evil.example/1"
    ).model_copy(deep=True),
    "an address that the assistant put into a call": run_of(
        [("find_order", {"customer": "https://evil.example/x"}, "ok", "none")],
        [PAID],
        answer="Done: https://evil.example/x",
    ),
    "the beginning of an address": run_of(
        [found("https://shop.example/70012")], [PAID], answer="Done: https://shop.example/7"
    ),
    "a single round with a tool that there is not": run_of(
        [("invented", {}, "unknown_tool", "no such tool")], answer="It is not possible."
    ),
}
WRONG["an address that the assistant said before"].messages[2].content = "I make https://evil.example/1."


@pytest.mark.parametrize("run", RIGHT.values(), ids=RIGHT)
def test_no_rule_stands_against_a_good_run(run):
    seen = judged(run)
    assert (
        seen.scores["final_answer"] == seen.scores["tool_understanding"] == seen.scores["conciseness"] == 1.0
    )
    assert seen.scores["overall"] > 0.9


@pytest.mark.parametrize("run", WRONG.values(), ids=WRONG)
def test_no_bad_run_passes_even_a_lenient_judge(run):
    assert refused(judged(run)) == "low_overall"


def test_a_wrong_failure_is_no_ones_business_where_the_request_does_not_need_the_tool():
    run = run_of([("find_order", {"customer": "Ann"}, "tool_error", "Error: nobody")], [PAID])
    assert judged(run).scores["final_answer"] == 1.0


def test_the_same_call_to_the_same_end_is_needless_until_something_changed():
    look, change = ("find_order", {"customer": "Ann"}, "ok", "order 7"), PAID
    assert judged(run_of([look], [look], [change])).scores["conciseness"] < 1
    assert judged(run_of([look], [change], [look])).scores["conciseness"] == 1


def test_a_judge_sees_no_less_than_the_agent_and_the_whole_answer():
    assert JudgeSettings().output_chars >= RunSettings().output_chars
    run = run_of([found("x" * 8000 + " order 7")], [PAID], answer="Fine. " * 3000 + "The end.")
    teacher = judge_of_one_mind()
    judged(run, teacher)
    (answer,) = [prompt.text() for prompt in teacher.asked if prompt.name == "judge_answer"]
    assert "order 7" in answer
    assert "The end." in answer
    judged(run, teacher, output_chars=100)
    assert "[cut: 7908 more characters]" in teacher.asked[-1].text()
