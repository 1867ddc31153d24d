"""What a server says, taken from the stream before the SDK sees it: the tools that it lists, and its errors.

The SDK refuses a whole list over one bad tool, and released servers have such. Here it gets an empty list, and the
tools stand apart as the server sent them, for the intake to say which of them is bad.

The SDK's code for a closed connection is one that servers use for errors of their own; here those get another one.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from mcp.shared.message import SessionMessage
from mcp.types import CONNECTION_CLOSED, INTERNAL_ERROR, JSONRPCError, JSONRPCResponse


class ListingTap:
    """What the SDK reads from, once it is `on` a stream. `tools` is what was listed, `ended` whether nothing comes any
    more.
    """

    def __init__(self) -> None:
        self.tools: list[Any] = []
        self.ended = False
        self._stream: Any = None

    def on(self, stream: Any) -> ListingTap:
        self._stream = stream
        return self

    async def receive(self) -> SessionMessage | Exception:
        return self._taken(await self._stream.receive())

    def __aiter__(self) -> ListingTap:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return self._taken(await self._stream.__anext__())
        except StopAsyncIteration:
            self.ended = True
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> ListingTap:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        return await self._stream.__aexit__(exc_type, exc_val, exc_tb)

    def _taken(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if not isinstance(item, SessionMessage):
            return item
        if isinstance(item.message, JSONRPCError) and item.message.error.code == CONNECTION_CLOSED:
            item.message.error.code = INTERNAL_ERROR
        if isinstance(item.message, JSONRPCResponse):
            result = item.message.result
            if isinstance(listed := result.get("tools"), list):
                self.tools += listed
                result["tools"] = []
        return item
