import asyncio

import pytest
from small_servers import Answering, shop

from data_synthesis.pipeline import Rejected
from data_synthesis.records import ToolChain
from data_synthesis.trajectories.tasks import PlanSettings, open_chains, samples_of, write_task

SERVER = shop()
CHAIN = ToolChain(server_id=SERVER.id, tools=["find_order", "refund"])
PLAN = PlanSettings(samples=2, augmentations=(), open_tools=(2,))


def written(answers, chain=CHAIN, server=SERVER, plan=PLAN, attempts=2):
    teacher = Answering({"write_task": answers, "write_open_task": answers})

    async def all_samples():
        return [
            await write_task(each, server, teacher, attempts=attempts) for each in samples_of(chain, plan)
        ]

    return asyncio.run(all_samples()), teacher


def reply(question="Give Ann her money back for the lamp.", tools=("find_order", "refund")):
    return {"target_tools": list(tools), "question": question}


def test_each_sample_is_a_request_of_its_own():
    tasks, _ = written(lambda p: reply(f"Refund order {p.variables['sample']}, please."))
    assert [task.query for task in tasks] == ["Refund order 1, please.", "Refund order 2, please."]


def test_a_refused_request_is_told_what_is_wrong_and_asked_again():
    def answers(prompt):
        return reply(tools=("find_order", "invented")) if prompt.attempt == 0 else reply()

    tasks, teacher = written(answers)
    assert tasks[0].target_tools == ["find_order", "refund"]
    assert any("there is no tool 'invented'" in problem for p in teacher.asked for problem in p.feedback)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (
            reply(tools=("find_order find_order",)),
            "there is no tool",
        ),  # two names that an own parser ran together
        (reply(tools=("refund", "find_order")), "must be"),
        (reply("Call find_order for Ann."), "names a tool"),
        (reply("请给安退款。"), "language"),
    ],
)
def test_requests_that_break_a_rule_are_rejected_with_it(bad, problem):
    with pytest.raises(Rejected, match=problem) as lost:
        written(lambda p: bad)
    assert lost.value.reason == "bad_task"


def test_a_server_that_speaks_chinese_gets_chinese_requests():
    server = SERVER.model_copy(update={"description": "一家小商店的订单。"})
    tasks, teacher = written(lambda p: reply("请给安退款。"), server=server)
    assert tasks[0].language == "zh"
    assert teacher.asked[0].variables["language"] == "Chinese"


def test_an_open_chain_asks_for_as_many_tools_as_it_says():
    (chain,) = open_chains(SERVER, PLAN)
    tasks, _ = written(lambda p: reply(tools=("read_order", "refund")), chain=chain)
    assert tasks[0].target_tools == ["read_order", "refund"]
    assert tasks[0].chain_id == ""
    with pytest.raises(Rejected, match="2 different tools"):
        written(lambda p: reply(tools=("refund",)), chain=chain)


def test_no_more_tools_are_asked_for_than_the_server_has():
    assert [c.tool_count for c in open_chains(SERVER, PlanSettings(open_tools=(1, 3, 4)))] == [1, 3]


def test_template_characters_of_a_server_stay_as_they_are():
    server = SERVER.model_copy(update={"title": "$question ${tools} {folder} %s"})
    _, teacher = written(lambda p: reply(), server=server)
    assert "$question ${tools} {folder} %s" in teacher.asked[0].text()


def test_the_parameters_of_the_tools_are_shown_to_the_writer():
    _, teacher = written(lambda p: reply())
    assert '"order_id"' in teacher.asked[0].text()
