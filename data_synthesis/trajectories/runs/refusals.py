"""Calls that no tool is asked to execute: what is wrong with them is known before."""

from __future__ import annotations

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.arenas.schema import problems
from data_synthesis.records import RunEvent, ServerTool, ToolServer


def refusal(call: ParsedCall, server: ToolServer, turn: int) -> RunEvent | None:
    """The event of a call of no tool, or with arguments that are none or do not fit; null where it can be executed."""
    tool = server.tool(call.name)
    if tool is None:
        names = ", ".join(each.name for each in server.tools)
        return event(
            call, turn, "unknown_tool", f"Error: there is no tool {call.name!r}; the tools are: {names}"
        )
    if call.arguments is None:
        return event(call, turn, "bad_json", f"Error: the arguments are no JSON object ({call.problem}).")
    if wrong := argument_problems(call.arguments, tool):
        return event(call, turn, "bad_arguments", f"Error: {'; '.join(wrong)}.")
    return None


def argument_problems(arguments: dict, tool: ServerTool) -> list[str]:
    """As JSON Schema has it: parameters that a schema does not list are allowed unless it says otherwise."""
    return problems(arguments, {"additionalProperties": True, **tool.parameters})


def event(call: ParsedCall, turn: int, status: str, output: str) -> RunEvent:
    return RunEvent.model_validate(
        {
            "turn": turn,
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "output": output,
            "status": status,
        }
    )
