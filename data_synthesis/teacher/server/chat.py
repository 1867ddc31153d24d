"""A client of OpenAI's chat completions: one request, one answer, nothing repeated and nothing hidden.

It reads the few fields that are used and adds about 0.3 ms of CPU to a request, which the pipeline sends hundreds of
a second; `benchmarks/synthesis.py` measures it beside the `openai` package.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from pydantic import BaseModel, ValidationError

# Servers such as uvicorn close a connection that is idle for 5 s. Closing it first, none is used as it closes.
_IDLE_SECONDS = 4.0


class Message(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    message: Message
    finish_reason: str | None = None


class Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Completion(BaseModel):
    choices: list[Choice]
    usage: Usage | None = None


class Model(BaseModel):
    id: str


class Models(BaseModel):
    data: list[Model]


class NoAnswer(Exception):
    """There was no connection, or it broke; the message says which."""


class BadAnswer(Exception):
    """What came is not what OpenAI's protocol says."""


class Refusal(Exception):
    """The server answered with an error; the message is the server's.

    Args:
        retry_after: seconds after which it should be asked again, where it says so.
    """

    def __init__(self, status: int, message: str, retry_after: float | None = None):
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class ChatClient:
    """Asks one server. Connections live in the event loop that asks, until `close`.

    Raises, from both requests:
        NoAnswer, BadAnswer, Refusal
    """

    def __init__(self, base_url: str, api_key: str):
        self._base_url, self._proxy = base_url.rstrip("/"), _proxy(base_url)
        self._headers = {"authorization": f"Bearer {api_key}", "content-type": "application/json"}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def complete(self, request: Mapping[str, Any]) -> Completion:
        """Sends `request` as it is. Waits for ever: the caller has the deadline."""
        return _parsed(
            await self._send("POST", "/chat/completions", json.dumps(request).encode()), Completion
        )

    async def models(self) -> list[str]:
        """What the server serves, by name."""
        return [model.id for model in _parsed(await self._send("GET", "/models"), Models).data]

    async def _send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            async with self._opened().request(
                method, self._base_url + path, data=body, proxy=self._proxy
            ) as response:
                received = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswer(_first_line(str(error) or type(error).__name__)) from None
        if response.status >= 400:
            raise Refusal(response.status, _message(received), _seconds(response.headers.get("retry-after")))
        return received

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=None),
                headers=self._headers,
            )
        return self._session


def _proxy(url: str) -> str | None:
    """What the environment's `HTTPS_PROXY`, `NO_PROXY` and the like say, read once and not for every request."""
    parts = urlsplit(url)
    bypassed = not parts.hostname or proxy_bypass(parts.hostname)
    return None if bypassed else getproxies().get(parts.scheme)


def _parsed(received: bytes, kind: type[Any]) -> Any:
    try:
        return kind.model_validate_json(received)
    except ValidationError:
        raise BadAnswer(repr(_first_line(received.decode(errors="replace")))) from None


def _message(received: bytes) -> str:
    """What an error says: OpenAI wraps it in `error`, SGLang does not, a proxy sends a page."""
    text = received.decode(errors="replace")
    try:
        body = json.loads(text)
        text = str(body.get("error", body)["message"])
    except (ValueError, AttributeError, TypeError, KeyError):
        pass
    return _first_line(text)


def _first_line(text: str) -> str:
    """At most 200 characters: a server may send a whole page."""
    lines = text.strip().splitlines()
    return lines[0][:200] if lines else ""


def _seconds(retry_after: str | None) -> float | None:
    """The header's number; its other form, a date, is not used by these servers."""
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        return None
