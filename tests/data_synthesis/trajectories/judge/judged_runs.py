"""Runs to be judged, and judges of one mind."""

from __future__ import annotations

from small_servers import Answering, shop

from data_synthesis.records import AgentRun, Message, RunEvent, Task, ToolCall

SERVER = shop()


def run_of(*turns, query="Give Ann her money back.", answer="Ann got her money back.", targets=("refund",)):
    """Each turn is a list of (tool, arguments, status, output)."""
    messages = [Message(role="system", content="Be good."), Message(role="user", content=query)]
    events = []
    for number, turn in enumerate(turns):
        calls = [
            ToolCall(id=f"c{number}_{i}", name=name, arguments=arguments)
            for i, (name, arguments, _, _) in enumerate(turn)
        ]
        messages.append(Message(role="assistant", content=f"Step {number}.", tool_calls=calls))
        for call, (name, arguments, status, output) in zip(calls, turn, strict=True):
            messages.append(Message(role="tool", content=output, tool_call_id=call.id))
            events.append(
                RunEvent(
                    turn=number, call_id=call.id, name=name, arguments=arguments, output=output, status=status
                )
            )
    if answer is not None:
        messages.append(Message(role="assistant", content=answer))
    task = Task(query=query, server_id=SERVER.id, target_tools=list(targets))
    return AgentRun(messages=messages, tools=SERVER.tools, task=task, events=events)


FOUND = ("find_order", {"customer": "Ann"}, "ok", "order 7, see https://shop.example/7")
PAID = ("refund", {"order_id": "7"}, "ok", "paid back 3 euros")
GOOD = ([FOUND], [PAID])


def judge_of_one_mind(score="1"):
    verdict = {"reason": f"I say {score}", "score": score}
    return Answering(
        {
            "judge_opening": lambda p: {"query_understanding": verdict, "query_plan": verdict},
            "judge_round": lambda p: {"tool_understanding": verdict, "tool_plan": verdict},
            "judge_calls": lambda p: {
                "calls": [
                    {"id": c["id"], "reason": "", "necessary": score == "1"} for c in p.variables["calls"]
                ]
            },
            "judge_answer": lambda p: {"correlation": verdict, "summary": verdict},
        }
    )
