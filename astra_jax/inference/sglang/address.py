"""JSON over HTTP with one server. Every wait has a deadline."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from astra_jax.inference.sglang.errors import NoAnswer, Refusal

_MOST_CHARACTERS = 500  # of an error's text that is shown


def new_client() -> aiohttp.ClientSession:
    """Connections to servers, of the event loop that runs now."""
    # As many at once as there are requests. uvicorn closes a connection that is idle for 5 s: closing it first, none
    # is used as it closes.
    connections = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0)
    return aiohttp.ClientSession(connector=connections, timeout=aiohttp.ClientTimeout(total=None))


class Address:
    """`http://HOST:PORT` of a server."""

    def __init__(self, url: str, client: aiohttp.ClientSession):
        self.url, self._client = url, client

    async def get(self, path: str, deadline_s: float) -> Any:
        """What is there, as JSON.

        Raises:
            NoAnswer, Refusal.
        """
        return self._json(path, await self._ask("GET", path, None, deadline_s))

    async def post(self, path: str, body: Any, deadline_s: float) -> str:
        """Raises as `get`."""
        return await self._ask("POST", path, body, deadline_s)

    def _json(self, path: str, text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise NoAnswer(f"{self.url}{path} sent no JSON") from None

    async def _ask(self, method: str, path: str, body: Any, deadline_s: float) -> str:
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._client.request(method, self.url + path, json=body) as response,
            ):
                text = await response.text()
        except TimeoutError:
            raise NoAnswer(f"{self.url} did not answer {path} within {deadline_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(f"{self.url} does not answer ({error or type(error).__name__})") from None
        if response.status >= 400:
            raise Refusal(self.url, response.status, _message(text))
        return text


def _message(text: str) -> str:
    """The sentence in an error's body: SGLang, FastAPI and OpenAI's API each put it elsewhere."""
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        body = {}
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and name in body:
            body = body[name]
    found = body.get("message", text) if isinstance(body, dict) else body
    return str(found)[:_MOST_CHARACTERS]
