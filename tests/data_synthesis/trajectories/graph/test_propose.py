import asyncio
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from small_servers import Answering, shop, tool

from data_synthesis.pipeline import Rejected
from data_synthesis.records import ChainProposal, ServerTool, ToolServer
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.graph import GraphSettings, propose
from data_synthesis.trajectories.graph.draw import draw, page
from data_synthesis.trajectories.graph.evidence import evidence
from data_synthesis.trajectories.graph.graph import tool_graph

SERVER = shop()
GOOD = {"task": "give money back", "tools": ["find_order", "read_order", "refund"], "depends": "yes"}


def proposed(*chains, settings=None):
    teacher = Answering({"propose_chains": lambda p: {"chains": list(chains)}})
    return asyncio.run(propose(SERVER, teacher, settings or GraphSettings()))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"task": "t", "tools": ["find_order"], "depends": "yes"}, "tools"),
        (
            {"task": "t", "tools": ["find_order", "invented", "refund"], "depends": "yes"},
            "no tool 'invented'",
        ),
        ({"task": "t", "tools": ["find_order", "refund"], "depends": "unsure"}, "unsure"),
        ({"task": "t", "tools": ["refund", "refund"], "depends": "yes"}, "twice"),
        ({"tools": 3}, "task"),
    ],
)
def test_a_proposal_that_is_none_loses_no_other_and_says_why(bad, why):
    graph = proposed(bad, GOOD)
    assert [(e.source, e.target) for e in graph.edges] == [
        ("find_order", "read_order"),
        ("read_order", "refund"),
    ]
    assert len(graph.refused) == 1
    assert why in graph.refused[0]
    with pytest.raises(Rejected, match=why) as lost:
        proposed(bad)
    assert lost.value.reason == "no_chain"


def test_each_proposal_adds_to_its_edges_and_is_remembered():
    graph = proposed(GOOD, {**GOOD, "tools": ["find_order", "read_order"]})
    first, second = graph.edges
    assert first.proposed_by == {"answering": 2}
    assert first.weight > second.weight
    assert [p.task for p in graph.proposals] == ["give money back"] * 2


def test_no_answer_decides_nothing():
    with pytest.raises(TeacherError):
        asyncio.run(propose(SERVER, Answering({}), GraphSettings()))


def giving(name, **outputs):
    return tool(name).model_copy(
        update={"output_schema": {"type": "object", "properties": {k: {"type": "string"} for k in outputs}}}
    )


def test_an_output_feeds_the_parameter_of_its_name():
    source = giving("make_booking", booking_id="", id="")
    target = tool("cancel", booking_id="string", note="string")
    found = evidence([source, target], 0.5)
    assert [(f.parameter, f.output, f.evidence) for f in found["make_booking", "cancel"]] == [
        ("booking_id", "booking_id", "schema")
    ]
    assert ("cancel", "make_booking") not in found


def test_nested_outputs_are_found_with_what_they_belong_to():
    nested = {
        "type": "object",
        "properties": {"orders": {"type": "array", "items": {"properties": {"id": {}}}}},
    }
    source = ServerTool(name="search", output_schema=nested)
    (feed,) = evidence([source, tool("pay", orderId="string")], 0.5)["search", "pay"]
    assert (feed.output, feed.evidence) == ("orders.id", "schema")


def test_without_an_output_schema_a_tools_noun_is_weaker_evidence():
    (feed,) = evidence(SERVER.tools, 0.5)["find_order", "refund"]
    assert (feed.parameter, feed.evidence) == ("order_id", "name")
    assert evidence(SERVER.tools, 0.9) == {}


def test_embeddings_are_evidence_where_there_are_some():
    class Same:
        name = "same"

        def embed(self, texts):
            return np.ones((len(texts), 1), np.float32)

    found = evidence([tool("a"), tool("b", zip="string")], 0.5, Same())
    assert found["a", "b"][0].evidence == "embedding"
    assert ("b", "a") not in found


def test_evidence_makes_edges_only_where_it_is_told_to():
    feeds = evidence(SERVER.tools, 0.5)
    proposals = [ChainProposal(tools=["find_order", "refund"], by="x")]
    (edge,) = tool_graph(SERVER, proposals, feeds, GraphSettings()).edges
    assert edge.weight == pytest.approx(1.6)
    more = tool_graph(SERVER, proposals, feeds, GraphSettings(evidence_adds_edges=True)).edges
    assert {(e.source, e.target) for e in more} >= set(feeds)


def test_a_drawing_is_well_formed_whatever_tools_are_called():
    evil = '"><script>alert(1)</script>&'
    server = ToolServer(title=evil, tools=[tool(evil), tool("b")])
    graph = tool_graph(server, [ChainProposal(tools=[evil, "b"], by=evil)], {}, GraphSettings())
    drawn = draw(graph)
    root = ElementTree.fromstring(drawn)
    assert evil in "".join(root.itertext())
    assert drawn == draw(graph)
    assert "<script>" not in page([(evil, graph)])
    ElementTree.fromstring(draw(graph.model_copy(update={"nodes": [], "edges": []})))
