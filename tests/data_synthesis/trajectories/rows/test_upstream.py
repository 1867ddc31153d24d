"""Upstream's released layout gives back the transcript with unique ids; a broken row is rejected with a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from row_strategy import JSON, run, trajectories

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Message, Reach, ToolServer
from data_synthesis.trajectories.rows import check_usable, from_upstream, to_upstream

TOOLS = [
    {"name": name, "description": "", "parameters": {"type": "object"}}
    for name in ("look", "book", "re-book")
]


def _row(trajectory: Any, **mcp: Any) -> dict[str, Any]:
    group = {"server_title": "Hotel", "server_description": "Rooms.", "domain": "Travel"}
    info = {"base_info": {"group_info": group, "tool_list": TOOLS}, **mcp}
    query = {"generated_question": "Book.", "target_tools": ["book"], "have_plan": True}
    return {"query_info": query, "mcp_info": json.dumps(info), "trajectory": json.dumps(trajectory)}


def _call(name: str, arguments: str = "{}", content: Any = "") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": content, "reasoning_content": "", "function_call": function}


def _result(name: str, content: str) -> dict[str, Any]:
    return {"role": "function", "name": name, "content": content}


def _ordered(messages: list[Message]) -> list[Message]:
    """Results in the order of their calls, in which the layout has them."""
    out: list[Message] = []
    batch: list[Message] = []
    places: dict[str | None, int] = {}
    for message in messages:
        if message.role == "tool":
            batch.append(message)
            continue
        out += sorted(batch, key=lambda result: places[result.tool_call_id])
        batch, places = [], {call.id: place for place, call in enumerate(message.tool_calls)}
        out.append(message)
    return out + batch


@given(trajectories())
def test_a_released_row_gives_back_messages_tools_and_domain(row):
    read = from_upstream(json.loads(json.dumps(to_upstream(row))))
    assert read.messages == _ordered(row.messages)
    assert (read.tools, read.domain, read.status) == (row.tools, row.domain, "finished")


@given(trajectories())
def test_what_was_read_is_written_again_as_it_was(row):
    once = to_upstream(row)
    assert to_upstream(from_upstream(once)) == once


def test_the_layout_is_the_released_one():
    row = to_upstream(run(), ToolServer(title="Hotel", tools=[], reach=Reach(kind="emulated")))
    said = json.loads(row["trajectory"])
    assert [(m["role"], m.get("name") or m.get("function_call", {}).get("name")) for m in said] == [
        ("user", None),
        ("assistant", None),
        ("assistant", "book"),
        ("assistant", "book"),
        ("function", "book"),
        ("function", "book"),
        ("assistant", None),
    ]
    assert isinstance(said[2]["function_call"]["arguments"], str)
    assert row["query_info"]["generated_question"] == "Book a room."
    assert (row["query_info"]["have_plan"], row["query_info"]["max_tool_use"]) == (True, -1)
    info = json.loads(row["mcp_info"])
    assert info["base_info"]["group_info"]["server_title"] == "Hotel"
    assert info["call_info"] == {"mock_tool": True}


def test_results_of_one_tool_go_to_its_calls_in_order_and_ids_are_unique_over_turns():
    turn = [_call("look", '{"n": 1}'), _call("look", '{"n": 2}'), _call("book")]
    results = [_result("book", "b"), _result("look", "1"), _result("look", "2")]
    said = [
        {"role": "user", "content": "Go."},
        *turn,
        *results,
        *turn,
        *results,
        {"role": "assistant", "content": "x"},
    ]
    messages = from_upstream(_row(said)).messages
    calls = {call.id: call for message in messages for call in message.tool_calls}
    assert len(calls) == 6
    answers = [(calls[m.tool_call_id or ""], m.content) for m in messages if m.role == "tool"]
    assert all(call.arguments == {"n": int(text)} for call, text in answers if call.name == "look")


def test_names_with_their_server_are_those_of_the_list():
    said = [{"role": "user", "content": "Go."}, _call("Hotel-re-book"), _result("Hotel-re-book", "ok")]
    assert from_upstream(_row(said)).messages[1].tool_calls[0].name == "re-book"


def test_empty_lists_of_content_are_empty_texts():
    said = [{"role": "user", "content": "Go."}, _call("look", content=[]), _result("look", "ok")]
    assert from_upstream(_row(said)).messages[1].content == ""


@pytest.mark.parametrize(
    "said",
    [
        [],
        [{"role": "assistant", "content": "[ERROR: boom]"}],
        [{"role": "user", "content": "Go."}, _call("look"), _result("look", "ok")],
        [{"role": "user", "content": "Go."}, _call("look")],
    ],
)
def test_a_transcript_without_an_answer_is_broken_and_may_not_be_trained_on(said):
    row = from_upstream(_row(said))
    with pytest.raises(Rejected) as no:
        check_usable(row, unjudged=True)
    assert (row.status, no.value.reason) == ("broken", "broken")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([_result("look", "ok")], "result_without_call"),
        ([_call("look"), _result("book", "ok")], "result_without_call"),
        ([_call("look"), _result("look", "ok"), _result("look", "again")], "result_without_call"),
        ([_call("look"), {"role": "user", "content": "And?"}], "call_without_result"),
        ([_call("look", "{'a': 1}"), _result("look", "ok")], "bad_arguments"),
        ([_call("look", "[1]"), _result("look", "ok")], "bad_arguments"),
        ([_call("look", '{"a": "\\ud800"}'), _result("look", "ok")], "bad_arguments"),
        ([{"role": "assistant", "function_call": {"arguments": "{}"}}], "bad_message"),
        ([{"role": "tool", "content": "x"}], "bad_message"),
        ({"role": "user"}, "bad_message"),
    ],
)
def test_broken_rows_are_rejected_with_a_reason(said, reason):
    with pytest.raises(Rejected) as no:
        from_upstream(_row(said))
    assert no.value.reason == reason


@pytest.mark.parametrize("info", [None, "{", "[]", "{}", '{"base_info": 3}', '{"base_info": {}}'])
def test_a_row_without_its_server_is_rejected(info):
    with pytest.raises(Rejected) as no:
        from_upstream(_row([]) | {"mcp_info": info})
    assert no.value.reason in ("bad_server", "bad_tools")


@given(st.dictionaries(st.sampled_from(["query_info", "trajectory"]), JSON))
def test_whatever_a_row_holds_it_is_read_or_rejected(fields):
    with suppress(Rejected):
        from_upstream(_row([]) | fields)
