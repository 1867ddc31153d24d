"""One session with an MCP server, over stdio or HTTP: every wait has a deadline, every end is typed."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from string import Template
from typing import Any, Literal

from mcp import ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    PaginatedRequestParams,
)

from data_synthesis.mcp.folder import WorkingFolder
from data_synthesis.mcp.listing import ListingTap
from data_synthesis.mcp.processes import MARK, Process, ServerProcesses
from data_synthesis.records import Reach

_CLOSING_SECONDS = 10.0
_PAGES = 50  # of a list of tools
_PASSED_ON = ("PATH", "LANG", "LC_ALL")  # of this process's environment; keys and tokens stay here
_SENTENCE = 200  # characters of what an error says

Outcome = Literal["ok", "error", "timeout", "oversized", "not_protocol"]


class SessionFailed(Exception):
    """The server cannot be used, or can no longer be; the message says what happened."""


@dataclass(frozen=True)
class CallResult:
    """`error` is the tool's own, `not_protocol` an answer that is none; the text says so then."""

    outcome: Outcome
    text: str


class McpSession:
    """Made by `open`. May be used from any task of the event loop that opened it."""

    def __init__(self, reach: Reach, folder: WorkingFolder):
        self.reach, self.folder = reach, folder
        self._session: ClientSession | None = None
        self._processes = ServerProcesses(folder.path)
        self._first: set[Process] = set()
        self._closing: asyncio.Task[None] | None = None
        self._tap = ListingTap()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        # What opened the SDK's contexts must close them too.
        self._owner = asyncio.create_task(self._own())

    @classmethod
    async def open(cls, reach: Reach, deadline: float) -> McpSession:
        """A server of its own, in a fresh folder, greeted.

        Args:
            deadline: seconds until it must have answered.

        Raises:
            SessionFailed: it does not start, does not greet, or speaks something else.
        """
        try:
            folder = WorkingFolder(reach.seed_folder, aliased=reach.kind != "http")
        except OSError as error:
            raise SessionFailed(f"no folder to work in: {error}") from error
        session = cls(reach, folder)
        try:
            async with asyncio.timeout(deadline):
                await asyncio.shield(session._ready)
        except TimeoutError:
            await session.close()
            raise SessionFailed(f"the server did not greet within {deadline:g} s") from None
        except BaseException:
            await session.close()
            raise
        return session

    async def close(self) -> None:
        """Ends the server with all that it started, and removes its folder. Safe to call twice. Whoever is cancelled
        in here is so only when all that is done.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._end())
        await _to_the_end(self._closing)

    def strays(self) -> set[Process]:
        """What the server started and was not there when it greeted. Blocks."""
        return self._processes.running() - self._first

    async def tools(self, deadline: float) -> list[Any]:
        """What the server lists, as it lists it: nothing is checked, the intake does that.

        Raises:
            SessionFailed: no list within the deadline.
        """
        self._tap.tools.clear()
        cursor: str | None = None
        try:
            async with asyncio.timeout(deadline):
                for _ in range(_PAGES):
                    params = PaginatedRequestParams(cursor=cursor) if cursor else None
                    cursor = (await self._opened().list_tools(params=params)).next_cursor
                    if not cursor:
                        break
        except TimeoutError:
            raise SessionFailed(f"the server did not list its tools within {deadline:g} s") from None
        except Exception as error:
            raise SessionFailed(f"the server's list of tools is none: {self._why(error)}") from error
        return [self.folder.shown_in(tool) for tool in self._tap.tools]

    async def call(
        self, name: str, arguments: Mapping[str, Any], deadline: float, most_chars: int
    ) -> CallResult:
        """
        Args:
            most_chars: of the text; a longer one is cut there, and `oversized`, with a note of its length in front.

        Raises:
            SessionFailed: the server is gone.
        """
        try:
            async with asyncio.timeout(deadline):
                # Not the SDK's `call_tool`, which lists all tools to check what came back against an output schema.
                result = await self._opened().send_request(self._request(name, arguments), CallToolResult)
        except TimeoutError:
            return CallResult("timeout", f"Error: the tool did not answer within {deadline:g} s.")
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:  # not the server's own, see the tap
                raise SessionFailed(f"the server died in the call of {name}") from error
            return CallResult("error", f"Error: {self._why(error)}")
        except SessionFailed:
            raise
        except Exception as error:
            if self._owner.done():
                raise SessionFailed(f"the server died in the call of {name}") from error
            return CallResult(
                "not_protocol", f"Error: the tool's answer cannot be read ({self._why(error)})."
            )
        text = self.folder.shown(_text(result))
        if len(text) > most_chars:
            # In front, as whoever shows it to a model may cut it again.
            note = f"[the first {most_chars} of {len(text)} characters]"
            return CallResult("oversized", f"{note}\n{text[:most_chars]}")
        return CallResult("error" if result.is_error else "ok", text)

    @property
    def alive(self) -> bool:
        """Whether it can be called, as far as is known without a call."""
        return self._session is not None and not self._owner.done() and not self._tap.ended

    def _request(self, name: str, arguments: Mapping[str, Any]) -> CallToolRequest:
        meant: Any = self.folder.meant(dict(arguments))
        return CallToolRequest(params=CallToolRequestParams(name=name, arguments=meant))

    def _opened(self) -> ClientSession:
        if self._session is None or self._owner.done():
            raise SessionFailed("the server is gone")
        return self._session

    async def _own(self) -> None:
        """Opens, waits until it is over, closes."""
        try:
            await self._fill()
            async with AsyncExitStack() as stack:
                receiving, sending = await stack.enter_async_context(_transport(self.reach, self.folder))
                session = await stack.enter_async_context(ClientSession(self._tap.on(receiving), sending))
                await session.initialize()
                self._first = await asyncio.to_thread(self._processes.running)
                self._session = session
                self._ready.set_result(None)
                await self._over.wait()
        except Exception as error:
            if not self._ready.done():
                self._ready.set_exception(SessionFailed(f"the server does not start: {self._why(error)}"))
        finally:
            if not self._ready.done():
                self._ready.cancel()

    async def _fill(self) -> None:
        try:
            await asyncio.to_thread(self.folder.fill)
        except OSError as error:
            raise SessionFailed(f"no folder to work in: {error}") from error

    async def _end(self) -> None:
        try:
            self._over.set()
            if self._ready.done():  # before, nobody waits for `_over`
                await asyncio.wait([self._owner], timeout=_CLOSING_SECONDS)
            if not self._owner.done():
                self._owner.cancel()
                await asyncio.wait([self._owner], timeout=_CLOSING_SECONDS)
            if self._ready.done() and not self._ready.cancelled():
                self._ready.exception()  # it was told to whoever waited
        finally:
            # A thread is not cancelled where the loop ends with all its tasks.
            await asyncio.to_thread(self._clear)

    def _clear(self) -> None:
        if self.reach.kind != "http":
            self._processes.end()
        self.folder.remove()

    def _why(self, error: BaseException) -> str:
        return self.folder.shown(_sentence(error))[:_SENTENCE]


async def _to_the_end(task: asyncio.Task[None]) -> None:
    """Waits for `task` even where the one that waits is cancelled, which is passed on afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


@asynccontextmanager
async def _transport(reach: Reach, folder: WorkingFolder) -> AsyncIterator[tuple[Any, Any]]:
    if reach.kind == "http":
        headers = {name: _from_environment(f"header {name}", value) for name, value in reach.headers.items()}
        async with (
            create_mcp_http_client(headers=headers) as client,
            streamable_http_client(reach.url, http_client=client) as streams,
        ):
            yield streams[0], streams[1]
        return
    command = [folder.filled_in(word) for word in reach.command]
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment = {**passed_on, "HOME": str(folder.path)}
    held = {name: _from_environment(f"variable {name}", value) for name, value in reach.env.items()}
    environment |= {name: folder.filled_in(value) for name, value in held.items()}
    environment[MARK] = str(folder.path)
    parameters = StdioServerParameters(
        command=command[0],
        args=command[1:],
        env=environment,
        cwd=str(folder.path),
        encoding_error_handler="replace",
    )
    with open(os.devnull, "w") as nowhere:
        async with stdio_client(parameters, errlog=nowhere) as streams:
            yield streams[0], streams[1]


def _from_environment(of: str, value: str) -> str:
    """`$NAME` and `${NAME}` are what the environment holds, so that keys need not stand in files; `$$` is a dollar.

    Raises:
        SessionFailed: it holds nothing of a name, or a dollar stands for nothing.
    """
    try:
        return Template(value).substitute(os.environ)
    except KeyError as error:
        raise SessionFailed(
            f"the {of} wants the environment variable {error.args[0]}, which is not set"
        ) from None
    except ValueError:
        raise SessionFailed(
            f"the {of} has a `$` that names no environment variable; write `$$` for a dollar"
        ) from None


def _text(result: Any) -> str:
    """The text parts; what else there is, by name; the structured content where there is nothing."""
    parts = [_part(part) for part in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n\n".join(parts)


def _part(part: Any) -> str:
    holder = part.resource if part.type == "resource" else part
    text = getattr(holder, "text", None)
    return f"[{part.type}]" if text is None else text


def _sentence(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
