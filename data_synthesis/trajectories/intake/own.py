"""Servers as this project writes them, and arenas, whose tools are code."""

from __future__ import annotations

from typing import Any

from data_synthesis.interop.files import FORMATS
from data_synthesis.interop.json_values import Numbered
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena, ArenaTool, Provenance, Reach, ServerTool, ToolServer
from data_synthesis.trajectories.intake.places import place
from data_synthesis.trajectories.intake.raw import RawServer


def own_server(each: Numbered) -> RawServer:
    """
    Raises:
        ValidationError: it is no `ToolServer`.
    """
    server = ToolServer.model_validate(each.value)
    return RawServer(
        title=server.title,
        description=server.description,
        domain=server.domain,
        tools=server.tools,
        reach=server.reach,
        where=place(each),
        provenance=server.provenance,
        extra=server.model_extra or {},
    )


def known_arena(value: dict[str, Any]) -> bool:
    """Whether it is an arena in one of the formats of `interop`, which may still say that it has no tools yet."""
    return any(known.fields <= value.keys() for known in FORMATS)


def arena_server(each: Numbered) -> RawServer:
    """The tools of an arena and its distractors, run from their sources.

    The server says nothing of the arena's question, so that no task is written after it.

    Raises:
        Rejected: `unknown_format`, `not_an_arena`, and what reading one of upstream's records raises.
        ValidationError: it is no arena.
    """
    known = next((one for one in FORMATS if one.fields <= each.value.keys()), None)
    if known is None:
        raise Rejected("unknown_format", "is no arena, by its fields")
    arena = known.read(each.value)
    if not isinstance(arena, Arena):
        raise Rejected("not_an_arena", "is a decomposition, which has no tools yet")
    return RawServer(
        title=f"{arena.domain} {arena.id}",
        domain=arena.domain,
        tools=[_tool(tool) for tool in [*arena.tools, *arena.distractors]],
        reach=Reach(kind="code"),
        where=place(each),
        provenance=Provenance.model_validate(
            {"parents": [arena.id], "source": each.path.name, "line": each.line}
        ),
    )


def _tool(tool: ArenaTool) -> ServerTool:
    spec = tool.spec
    return ServerTool(
        name=spec.name, description=spec.description, parameters=spec.parameters, source=tool.source
    )
