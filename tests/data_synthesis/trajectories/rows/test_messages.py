"""A chat row gives back its trajectory, in every spelling that others use; a bad one is rejected with a reason."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from row_strategy import JSON, run, trajectories

from data_synthesis.pipeline import Rejected
from data_synthesis.records import Trajectory
from data_synthesis.trajectories.rows import from_chat, to_chat


def _spoken(row: Trajectory) -> Trajectory:
    """What a chat row can carry."""
    return Trajectory(messages=row.messages, tools=row.tools)


@given(trajectories())
def test_a_chat_row_gives_back_its_trajectory(row):
    line = json.dumps(to_chat(row), ensure_ascii=False)
    assert from_chat(json.loads(line)) == _spoken(row)


@given(trajectories())
def test_arguments_may_be_texts_and_tools_a_list(row):
    chat = to_chat(row)
    chat["tools"] = json.loads(chat["tools"])
    for message in chat["messages"]:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    assert from_chat(chat) == _spoken(row)


@given(trajectories())
def test_missing_ids_are_made_anew_and_results_stay_with_their_calls(row):
    chat = to_chat(row)
    names = {c["id"]: c["function"]["name"] for m in chat["messages"] for c in m.get("tool_calls", [])}
    for message in chat["messages"]:
        for call in message.get("tool_calls", []):
            del call["id"]
        if message["role"] == "tool":
            message["name"] = names[message.pop("tool_call_id")]
    read = from_chat(chat)
    ids = [call.id for message in read.messages for call in message.tool_calls]
    assert len(ids) == len(set(ids)) == len(names)
    of = {call.id: call.name for message in read.messages for call in message.tool_calls}
    for before, after in zip(row.messages, read.messages, strict=True):
        if before.role == "tool":
            assert of[after.tool_call_id] == names[before.tool_call_id]


def test_the_row_is_in_openais_form():
    row = to_chat(run())
    assert set(row) == {"messages", "tools"}
    call = row["messages"][1]["tool_calls"][0]
    assert set(call) == {"id", "type", "function"}
    assert call["type"] == "function"
    assert call["function"]["arguments"] == {"room": 1, "for": "Book a room."}
    assert json.loads(row["tools"])[0]["function"]["name"] == "book"


CALL = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
USER = {"role": "user", "content": "Hi."}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([USER, {"role": "tool", "content": "x", "tool_call_id": "a"}], "result_without_call"),
        ([{"role": "assistant", "tool_calls": [CALL]}, USER], "call_without_result"),
        (
            [
                {"role": "assistant", "tool_calls": [CALL]},
                {"role": "tool", "content": "x", "tool_call_id": "b"},
            ],
            "result_without_call",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}],
            "bad_arguments",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [1]}}]}],
            "bad_arguments",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"a": NaN}'}}]}],
            "bad_arguments",
        ),
        ([{"role": "assistant", "tool_calls": [{"id": "a"}]}], "bad_message"),
        ([{"role": "robot", "content": "x"}], "bad_message"),
        ([{"role": "user", "content": [{"type": "image", "image": {}}, 3]}], "bad_message"),
        ("[", "bad_message"),
        ([3], "bad_message"),
    ],
)
def test_broken_rows_are_rejected_with_a_reason(messages, reason):
    with pytest.raises(Rejected) as no:
        from_chat({"messages": messages, "tools": []})
    assert no.value.reason == reason


@pytest.mark.parametrize(
    "tools", ["{}", "[3]", [{"function": {"name": ""}}], [{"function": 3}], '["\\ud800"]']
)
def test_bad_tools_are_rejected(tools):
    with pytest.raises(Rejected) as no:
        from_chat({"messages": [USER], "tools": tools})
    assert no.value.reason == "bad_tools"


@given(st.dictionaries(st.sampled_from(["messages", "tools"]), JSON))
def test_whatever_a_row_holds_it_is_read_or_rejected(row):
    with suppress(Rejected):
        from_chat(row)


SHAPED = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"])},
    optional={
        "content": JSON,
        "tool_calls": st.lists(st.fixed_dictionaries({"function": JSON}) | JSON, max_size=2) | JSON,
        "tool_call_id": JSON,
    },
)


@given(st.lists(SHAPED, max_size=4))
def test_whatever_a_message_holds_it_is_read_or_rejected(messages):
    with suppress(Rejected):
        from_chat({"messages": messages})


def test_ms_swifts_calls_are_of_the_turn_before_them():
    said = [
        {"role": "user", "content": "Both?"},
        {"role": "assistant", "content": "I look."},
        {"role": "tool_call", "content": '{"name": "f", "arguments": {"x": 1}}', "loss": False},
        {"role": "tool_call", "content": '{"name": "f", "arguments": {"x": 2}}', "loss": None},  # of a table
        {"role": "tool_response", "content": "one"},
        {"role": "tool_response", "content": "two"},
        {"role": "assistant", "content": "Done.", "loss": True},
    ]
    row = from_chat({"messages": said, "tools": [{"name": "f"}]})
    assert [m.role for m in row.messages] == ["user", "assistant", "tool", "tool", "assistant"]
    assert [call.arguments for call in row.messages[1].tool_calls] == [{"x": 1}, {"x": 2}]
    assert [m.tool_call_id for m in row.messages[2:4]] == [call.id for call in row.messages[1].tool_calls]
    assert [(m.model_extra or {}).get("weight") for m in row.messages] == [None, 0.0, None, None, None]


@pytest.mark.parametrize(("field", "weight"), [({"weight": 0.5}, 0.5), ({"loss": False}, 0.0), ({}, None)])
def test_what_a_message_weighs_is_kept(field, weight):
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", **field}]
    row = from_chat({"messages": said})
    assert (row.messages[1].model_extra or {}).get("weight") == weight
    assert [message.get("weight") for message in to_chat(row)["messages"]] == [None, weight]
    assert from_chat(to_chat(row)).messages == row.messages
