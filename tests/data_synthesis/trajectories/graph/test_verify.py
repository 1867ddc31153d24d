import asyncio

import pytest
from small_servers import Answering, shop, tool

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Feed, ToolChain, ToolServer
from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.trajectories.graph import VerifySettings, verify_chain
from data_synthesis.trajectories.graph.evidence import evidence
from data_synthesis.trajectories.graph.verify import same_work, unsatisfiable

SERVER = shop()
CHAIN = ToolChain(server_id=SERVER.id, tools=["find_order", "read_order", "refund"])


def opinions(votes=(True, True, True), back=("find_order", "read_order", "refund")):
    def vote(prompt):
        opinion = votes[prompt.variables["sample"] - 1]
        if opinion is None:
            raise TeacherError("silent")
        return {"reason": "so it seems", "is_valid": opinion}

    answers = {
        "vote_chain": vote,
        "chain_to_request": lambda p: {"question": "Money back, please."},
        "request_to_chain": lambda p: {"tools": list(back)},
    }
    return Answering(answers)


def verified(teacher, chain=CHAIN, **settings):
    return asyncio.run(verify_chain(chain, SERVER, teacher, VerifySettings(**settings)))


@pytest.mark.parametrize(
    ("votes", "kept"),
    [
        ((True, True, True), True),
        ((True, True, False), True),
        ((True, False, False), False),
        ((True, None, None), True),
        ((True, False, None), False),  # a tie is no majority
    ],
)
def test_a_chain_is_kept_by_more_votes_for_than_against(votes, kept):
    if kept:
        assert verified(opinions(votes)).votes["yes"] == votes.count(True)
        return
    with pytest.raises(Rejected) as lost:
        verified(opinions(votes))
    assert lost.value.reason == "vote_lost"


def test_where_nobody_votes_nothing_is_known():
    with pytest.raises(TeacherError):
        verified(opinions((None, None, None)))


def test_when_nothing_can_be_asked_any_more_it_is_said():
    class Gone(Answering):
        async def ask(self, prompt):
            raise TeacherGone("budget")

    with pytest.raises(TeacherGone):
        verified(Gone({}))


def test_a_chain_that_comes_back_as_other_work_is_rejected():
    with pytest.raises(Rejected, match="came back as refund") as lost:
        verified(opinions(back=("refund",)))
    assert lost.value.reason == "back_translation_differs"
    assert verified(opinions(back=("refund",)), back_translations=0).back_translations == []


def test_who_translates_back_does_not_see_the_chain():
    teacher = opinions()
    verified(teacher)
    (back,) = [p for p in teacher.asked if p.name == "request_to_chain"]
    assert "chain" not in back.variables


def test_a_chain_without_tools_passes_unasked():
    teacher = opinions()
    chain = ToolChain(server_id=SERVER.id, tool_count=2)
    assert verified(teacher, chain) == chain
    assert teacher.asked == []


FEEDS = {("a", "b"): [Feed(parameter="x", evidence="name", score=1.0)]}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("abc", True), ("cab", True), ("acb", True),  # c needs nothing and gives nothing
        ("bac", False),  # b takes data from a
        ("ab", False), ("abcc", False), ("abd", False),
    ],
)  # fmt: skip
def test_chains_are_compared_by_what_flows_and_not_by_their_order(other, same):
    assert same_work("abc", other, FEEDS) is same


def test_what_only_a_system_hands_out_must_come_from_an_earlier_tool():
    login = tool("login", user="string").model_copy(
        update={"output_schema": {"properties": {"session_token": {}}}}
    )
    post = tool("post", session_token="string", text="string")
    tools = [login, post]
    assert unsatisfiable(tools, evidence(tools, 0.5)) == ""
    assert "session_token" in unsatisfiable([post, login], evidence(tools, 0.5))
    server = ToolServer(title="s", tools=[post, login])
    with pytest.raises(Rejected, match="session_token") as lost:
        asyncio.run(
            verify_chain(
                ToolChain(server_id="s", tools=["post", "login"]), server, opinions(), VerifySettings()
            )
        )
    assert lost.value.reason == "unsatisfiable_argument"


def test_a_tie_of_translations_is_no_agreement():
    teacher = opinions()
    comes_back = iter([list(CHAIN.tools), ["refund"]])
    teacher.answers["request_to_chain"] = lambda p: {"tools": next(comes_back)}
    with pytest.raises(Rejected, match="came back as refund"):
        verified(teacher, back_translations=2)


@pytest.mark.parametrize("name", ["session", "token", "tokens", "sessionId", "handle", "order_id"])
def test_what_a_person_may_know_needs_no_earlier_tool(name):
    assert unsatisfiable([tool("post", **{name: "string"})], {}) == ""


@pytest.mark.parametrize("name", ["access_token", "nextPageToken", "cursor", "etag", "uuid"])
def test_what_nobody_knows_needs_one(name):
    assert name in unsatisfiable([tool("post", **{name: "string"})], {})
