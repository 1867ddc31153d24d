"""Live servers: what they list, brought to the intake."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data_synthesis.mcp.session import McpSession, SessionFailed
from data_synthesis.records import BadRecord, Reach, Record, read_records
from data_synthesis.trajectories.intake import RawServer, Unusable

_AT_ONCE = 8


class LiveServer(Record):
    """A server that is to be asked for its tools, and how it is reached.

    Its tools are `emulated` where they must not be called: they cost money, change something, or need an account. The
    server only lists them then.
    """

    title: str
    description: str = ""
    domain: str = ""
    emulated: bool = False
    reach: Reach


def discovered(paths: Iterable[str | Path], deadline: float) -> Iterator[RawServer | BadRecord]:
    """Every server of JSONL files of `LiveServer`s with the tools that it lists, or why it lists none.

    Args:
        deadline: seconds for a server to start, and again to list.

    Raises:
        BadRecord: a line is no live server.
        OSError: a file cannot be read.
    """
    for path in map(Path, paths):
        yield from asyncio.run(_all(path, list(read_records(path, LiveServer)), deadline))


async def _all(path: Path, servers: Sequence[LiveServer], deadline: float) -> list[RawServer | BadRecord]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(line: int, server: LiveServer) -> RawServer | BadRecord:
        async with room:
            return await _listed(path, line, server, deadline)

    return await asyncio.gather(*(one(line, server) for line, server in enumerate(servers, 1)))


async def _listed(path: Path, line: int, server: LiveServer, deadline: float) -> RawServer | BadRecord:
    try:
        session = await McpSession.open(server.reach, deadline)
        try:
            tools = await session.tools(deadline)
        finally:
            await session.close()
    except SessionFailed as failure:
        return BadRecord(path, line, "", f"{server.title}: {failure}", reason="server_unavailable")
    return RawServer(
        server.title,
        tools if server.emulated else _callable_apart(tools),
        description=server.description,
        domain=server.domain,
        reach=Reach(kind="emulated") if server.emulated else server.reach,
        where=f"{path}:{line}",
    )


def _callable_apart(tools: Sequence[Any]) -> list[Any]:
    """Of different tools with one name the first: the server cannot be told which of them is meant."""
    first: dict[Any, Any] = {}
    told: list[Any] = []
    for tool in tools:
        name = tool.get("name") if isinstance(tool, dict) else None
        if isinstance(name, str) and first.setdefault(name, tool) != tool:
            tool = Unusable(name, "same_name", "the server lists another tool of that name before it")
        told.append(tool)
    return told
