"""Answers that come in pieces, and clients that go away before they have come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse

from astra_jax.inference.server.errors import Refused

Item = TypeVar("Item")
Result = TypeVar("Result")


async def until_gone(request: Request, work: Awaitable[Result]) -> Result:
    """The result; where the client goes away first, the work is cancelled.

    Raises:
        Refused: nobody reads the answer any more.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Refused(499, "the client went away")
    finally:
        task.cancel()
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def merged(
    streams: Sequence[AsyncGenerator[Item, None]],
) -> AsyncGenerator[tuple[int, Item | None], None]:
    """Items of all streams as they come, with the number of the stream; None at its end."""
    queue: asyncio.Queue[tuple[int, Item | None, BaseException | None]] = asyncio.Queue()

    async def read(number: int, stream: Any) -> None:
        try:
            async for item in stream:
                queue.put_nowait((number, item, None))
            queue.put_nowait((number, None, None))
        except Exception as error:
            queue.put_nowait((number, None, error))
        finally:
            await stream.aclose()

    readers = [asyncio.create_task(read(i, stream)) for i, stream in enumerate(streams)]
    try:
        left = len(readers)
        while left:
            number, item, error = await queue.get()
            if error:
                raise error
            left -= item is None
            yield number, item
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def events(answers: AsyncGenerator[dict, None]) -> StreamingResponse:
    """Server-sent events, closed by `[DONE]`. An error on the way is an event too: the status is long sent."""

    async def lines() -> AsyncGenerator[str, None]:
        try:
            async for answer in answers:
                yield f"data: {json.dumps(answer, ensure_ascii=False)}\n\n"
        except Exception as error:
            yield f"data: {json.dumps(Refused(500, str(error)).body)}\n\n"
        finally:
            await answers.aclose()
        yield "data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
