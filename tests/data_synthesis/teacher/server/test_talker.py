"""A served model in conversation: its turns are taken as they come, and kept."""

import asyncio

import pytest
from scripted_server import fails, says

from data_synthesis.records import Message, ToolCall, ToolSpec
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.teacher.server import ServerSettings
from data_synthesis.teacher.server.talker import Talker

TOOL = ToolSpec(name="add")
HELLO = [Message(role="user", content="Hello")]


@pytest.fixture
def said(server, tmp_path):
    """What a talker says to each of some conversations, given the server's script."""

    def ask(script, *conversations, about=("item", 0)):
        server.script[:] = script
        settings = ServerSettings(
            "small", base_urls=(server.url,), attempts=1, deadline_s=5.0, backoff_s=0.01, patience=1
        )

        async def talk():
            talker = Talker(settings, tmp_path / "talker.sqlite")
            try:
                return [await talker.say(messages, [TOOL], about=about) for messages in conversations]
            finally:
                await talker.close()

        return asyncio.run(talk())

    return ask


@pytest.mark.parametrize(
    ("answer", "content", "cut_off"),
    [(says(None), "", False), (says("So f", finish="length"), "So f", True)],
    ids=["empty", "cut off"],
)
def test_an_empty_turn_and_one_that_was_cut_off_are_turns(said, server, answer, content, cut_off):
    [turn] = said([answer], HELLO)
    assert (turn.content, turn.calls, turn.cut_off) == (content, [], cut_off)
    assert len(server.bodies) == 1


def test_calls_that_cannot_be_read_are_kept_with_what_is_wrong(said):
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{"}}
    [turn] = said([says(None, tool_calls=[call])], HELLO)
    [parsed] = turn.parsed()
    assert (parsed.name, parsed.arguments, parsed.problem[:8]) == ("add", None, "not JSON")


def test_the_same_conversation_is_asked_once_and_another_about_something_else_again(said, server):
    script = [says("One."), says("Two.")]
    assert [turn.content for turn in said(script, HELLO, HELLO)] == ["One.", "One."]
    assert [turn.content for turn in said(script[1:], HELLO, about=("item", 1))] == ["Two."]
    assert server.bodies[0]["seed"] != server.bodies[1]["seed"]


def test_arguments_are_sent_as_text_and_thoughts_not_at_all(said, server):
    call = ToolCall(id="c", name="add", arguments={"n": 1})
    thought = Message(role="assistant", reasoning_content="Hm.", tool_calls=[call])
    said([says("Done.")], [*HELLO, thought, Message(role="tool", content="1", tool_call_id="c")])
    _, assistant, _ = server.bodies[0]["messages"]
    assert assistant["tool_calls"][0]["function"]["arguments"] == '{"n": 1}'
    assert "reasoning_content" not in assistant


def test_a_refusal_is_an_error_and_not_a_turn(said):
    with pytest.raises(TeacherError, match="refused the question with 400: too long"):
        said([fails(400, {"error": {"message": "too long"}})], HELLO)
