"""An event loop beside those of the callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """A thread with an event loop, for connections that outlive a caller's loop.

    What runs in it goes on while a caller computes, and serves callers that have a loop and callers that have none.
    """

    def __init__(self, name: str):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Blocks until `work` is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def result(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Of `work`, which is cancelled where its caller is."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def soon(self, act: Callable[..., object], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(act, *arguments)

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancels what still runs, waits for `last`, and ends the thread."""
        self.run(_cancel_others())
        self.run(last)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
