import asyncio
import json
import threading

import pytest
from scripted_server import Server, fails, late
from small_servers import shop

from data_synthesis.records import Message, Task, ToolCall
from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.teacher.server import ServerSettings
from data_synthesis.trajectories.runs.interface import Situation
from data_synthesis.trajectories.runs.server_agent import ServerAgent

SHOP = shop()
TASK = Task(query="Give Ann her money back.", server_id=SHOP.id)


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.over.set()
        server.shutdown()


def message(content=None, calls=(), finish="stop", **more):
    tool_calls = [
        {"id": "same", "type": "function", "function": {"name": n, "arguments": a}} for n, a in calls
    ]
    said = {"role": "assistant", "content": content, **({"tool_calls": tool_calls} if calls else {}), **more}

    def answer(handler):
        body = {"choices": [{"index": 0, "message": said, "finish_reason": finish}]}
        body["usage"] = {"prompt_tokens": 5, "completion_tokens": 3}
        handler.send(200, body)

    return answer


def situation(*messages, attempt=0):
    return Situation(TASK, [Message(role="user", content=TASK.query), *messages], SHOP.tools, attempt)


def turns(server, tmp_path, script, *situations, **settings):
    server.script[:] = script
    quick = {"base_urls": (server.url,), "deadline_s": 5.0, "backoff_s": 0.01, **settings}

    async def ask():
        agent = ServerAgent(ServerSettings("small", **quick), tmp_path / "agent.sqlite")
        try:
            return await asyncio.gather(*(agent.turn(each) for each in situations or [situation()]))
        finally:
            await agent.close()

    return asyncio.run(ask())


def test_parallel_calls_are_read_with_their_arguments_and_what_is_wrong_with_them(server, tmp_path):
    calls = [("refund", '{"order_id": "7"}'), ("refund", "{order"), ("refund", "[1]"), ("find_order", "")]
    (turn,) = turns(server, tmp_path, [message("I look.", calls)])
    assert [call.arguments for call in turn.calls] == [{"order_id": "7"}, None, None, {}]
    assert [bool(call.problem) for call in turn.calls] == [False, True, True, False]
    assert turn.content == "I look."


@pytest.mark.parametrize(
    "said",
    [
        message("<think>hm</think>\nDone."),
        message("Done.", reasoning_content="hm"),
        message("hm</think>Done."),
    ],
)
def test_thoughts_are_kept_apart(server, tmp_path, said):
    (turn,) = turns(server, tmp_path, [said])
    assert (turn.content, turn.reasoning) == ("Done.", "hm")


def test_what_was_said_is_sent_as_the_protocol_has_it_without_thoughts(server, tmp_path):
    before = Message(
        role="assistant",
        reasoning_content="secret",
        tool_calls=[ToolCall(id="c1", name="refund", arguments={"order_id": "é"})],
    )
    result = Message(role="tool", content="paid", tool_call_id="c1")
    turns(server, tmp_path, [message("Done.")], situation(before, result))
    (body,) = server.bodies
    assert [tool["function"]["name"] for tool in body["tools"]] == ["find_order", "read_order", "refund"]
    sent = body["messages"][1]
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"order_id": "é"}
    assert "secret" not in json.dumps(body)
    assert body["messages"][2]["tool_call_id"] == "c1"


def test_a_turn_is_asked_once_whoever_asks_again(server, tmp_path):
    first = turns(server, tmp_path, [message("Done.")], situation(), situation())
    again = turns(server, tmp_path, [message("Other.")])
    assert {turn.content for turn in (*first, *again)} == {"Done."}
    assert len(server.bodies) == 1
    (other,) = turns(server, tmp_path, [message("Other.")], situation(attempt=1))
    assert other.content == "Other."
    assert server.bodies[0]["seed"] != server.bodies[1]["seed"]


@pytest.mark.parametrize(
    "bad", [message(None), message("half", finish="length"), message("<think>hm</think>")]
)
def test_turns_that_are_none_are_asked_for_again_and_never_kept(server, tmp_path, bad):
    (turn,) = turns(server, tmp_path, [bad, message("Done.")])
    assert turn.content == "Done."
    with pytest.raises(TeacherError, match="agent_turn"):
        turns(server, tmp_path, [bad], situation(attempt=1))
    (turn,) = turns(server, tmp_path, [message("Later.")], situation(attempt=1))
    assert turn.content == "Later."


def test_a_busy_or_silent_server_is_asked_again(server, tmp_path):
    (turn,) = turns(server, tmp_path, [fails(429), fails(503), message("Done.")])
    assert turn.content == "Done."
    with pytest.raises(TeacherError, match="did not answer"):
        turns(server, tmp_path, [late(5)], situation(attempt=1), deadline_s=0.1, patience=1)


def test_a_wrong_key_ends_everything(server, tmp_path):
    with pytest.raises(TeacherGone, match="401"):
        turns(server, tmp_path, [fails(401)])
