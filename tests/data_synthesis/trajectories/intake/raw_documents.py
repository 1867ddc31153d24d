"""Documents as sources write them, all of servers with good tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_synthesis.records import ToolServer
from data_synthesis.trajectories.intake import IntakeReport, IntakeSettings, RawServer, take_in


def document(
    name: str = "find_order", description: str = "Looks up one order by its number", **fields: Any
) -> dict:
    parameters = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
    return {"name": name, "description": description, "parameters": parameters} | fields


def documents(count: int = 3) -> list[dict]:
    return [
        document(f"tool_{letter}", f"Does the useful thing {letter} to an order")
        for letter in "abcdefgh"[:count]
    ]


def upstream(tools: Sequence[Any] | None = None, title: str = "Shop", **fields: Any) -> dict:
    group = {
        "server_title": title,
        "server_name": "shop",
        "server_description": "Orders.",
        "domain": "retail",
    }
    tool_list = documents() if tools is None else list(tools)
    return {"base_info": {"group_info": group, "tool_list": tool_list}, "features": {"stars": 3}} | fields


def written(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def taken(*tools: Any, settings: IntakeSettings | None = None) -> tuple[ToolServer | None, IntakeReport]:
    """One server of these tools, however few pass."""
    report = IntakeReport()
    settings = settings or IntakeSettings(min_tools=0)
    servers = list(take_in([RawServer(title="Shop", tools=tools, where="here")], settings, report))
    return (servers[0] if servers else None), report


def reasons(report: IntakeReport) -> list[str]:
    return [drop.reason for drop in report.drops]
