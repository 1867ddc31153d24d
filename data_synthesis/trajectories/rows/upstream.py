"""The rows that upstream ASTRA released (ASTRA-SFT-1k: `query_info`, `mcp_info`, `trajectory`), written and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from data_synthesis.records import AgentRun, Message, Task, ToolServer, ToolSpec, Trajectory
from data_synthesis.trajectories.rows.json_texts import packed, unpacked
from data_synthesis.trajectories.rows.messages import tools_of
from data_synthesis.trajectories.rows.transcripts import from_transcript, to_transcript
from data_synthesis.trajectories.rows.usable import called, query_of


def to_upstream(row: Trajectory, server: ToolServer | None = None) -> dict[str, Any]:
    """The row. Where a server is reached is not told: addresses may hold keys.

    Args:
        server: that of the run, where known.

    Raises:
        Rejected: `result_without_call`, `call_without_result`.
    """
    return {
        "query_info": _query_info(row),
        "mcp_info": packed(_mcp_info(row, server)),
        "trajectory": packed(to_transcript(row.messages)),
    }


def from_upstream(row: Mapping[str, Any]) -> Trajectory:
    """The trajectory of a row. What the row says of query and server is kept in `query_info` and `server`.

    A transcript that does not end with an answer is broken: upstream keeps those of failed runs without a mark.

    Raises:
        Rejected: `bad_message`, `bad_arguments`, `bad_tools`, `bad_server`, `result_without_call`,
            `call_without_result`.
    """
    mcp = unpacked(row.get("mcp_info"), dict, "bad_server", "`mcp_info`")
    base = unpacked(mcp.get("base_info"), dict, "bad_server", "`base_info`")
    tools = tools_of(base.get("tool_list"))
    said = unpacked(row.get("trajectory"), list, "bad_message", "`trajectory`")
    messages = from_transcript(said, [tool.name for tool in tools])
    server = _server(base.get("group_info") or {}, mcp.get("call_info"))
    query_info = unpacked(row.get("query_info") or {}, dict, "bad_message", "`query_info`")
    return Trajectory.model_validate(
        {
            "messages": messages,
            "tools": tools,
            "status": "finished" if _answered(messages) else "broken",
            "domain": server["domain"],
            "query_info": query_info,
            "server": server,
        }
    )


def _query_info(row: Trajectory) -> dict[str, Any]:
    kept = (row.model_extra or {}).get("query_info")
    if isinstance(kept, dict):
        return kept
    if isinstance(row, AgentRun):
        return _task_info(row.task)
    info = {"have_plan": False, "max_tool_use": len(called(row)), "mode": "single_server"}
    return info | {"target_tools": list(dict.fromkeys(called(row))), "generated_question": query_of(row)}


def _task_info(task: Task) -> dict[str, Any]:
    planned = bool(task.target_tools and task.chain_id)
    varied = {"mode": task.augmentation, "augmented_question": task.query} if task.augmentation else {}
    scores = {name: score for name, score in task.scores.items() if score is not None}
    return {
        "have_plan": planned,
        "max_tool_use": -1 if planned else len(task.target_tools),
        "mode": "single_server",
        "target_tools": task.target_tools,
        "generated_question": task.query,
        "augmented_query_info": varied,
        "query_score_info": {"quality_scores": scores} if scores else {},
    }


def _mcp_info(row: Trajectory, server: ToolServer | None) -> dict[str, Any]:
    said = (row.model_extra or {}).get("server")
    of = _of(server) if server else said if isinstance(said, dict) else {"title": "", "description": ""}
    group = {
        "server_title": of.get("title", ""),
        "server_name": of.get("title", ""),
        "server_description": of.get("description", ""),
        "domain": row.domain,
    }
    info: dict[str, Any] = {"base_info": {"group_info": group, "tool_list": list(map(_listed, row.tools))}}
    return info | ({"call_info": {"mock_tool": True}} if of.get("reach") == "emulated" else {})


def _of(server: ToolServer) -> dict[str, str]:
    return {"title": server.title, "description": server.description, "reach": server.reach.kind}


def _listed(tool: ToolSpec) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _answered(messages: Sequence[Message]) -> bool:
    last = messages[-1] if messages else None
    said = any(message.role == "user" for message in messages)
    return (
        said and last is not None and last.role == "assistant" and bool(last.content) and not last.tool_calls
    )


def _server(group: Any, call_info: Any) -> dict[str, str]:
    group = unpacked(group, dict, "bad_server", "`group_info`")
    names = {
        "title": ("server_title", "server_name"),
        "description": ("server_description",),
        "domain": ("domain",),
    }
    found = {
        key: next((group[name] for name in of if isinstance(group.get(name), str)), "")
        for key, of in names.items()
    }
    how = call_info if isinstance(call_info, dict) else {}
    reach = "emulated" if "mock_tool" in how else "http" if how else "unknown"
    return found | {"reach": reach}
