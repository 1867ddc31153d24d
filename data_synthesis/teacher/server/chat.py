"""A client of OpenAI's chat completions: one request, one answer, nothing repeated and nothing hidden.

The `openai` package sends and receives. Its answers are taken as text and only the few fields that are used are read,
and its connections are those of aiohttp: `benchmarks/synthesis.py` measures what that saves. Nothing that a server
sends, an error's text included, is read beyond 16 MiB.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from importlib import import_module
from typing import Any

import aiohttp  # noqa: F401  # `DefaultAioHttpClient` needs it, and says so too late
import openai
from openai import DEFAULT_CONNECTION_LIMITS, AsyncOpenAI, DefaultAioHttpClient
from pydantic import BaseModel, ValidationError

# What `openai` is built on: `httpx2`, or `httpx` in its earlier versions.
_httpx: Any = import_module(type(DEFAULT_CONNECTION_LIMITS).__module__.partition(".")[0])

_MOST_MIB = 16

# As many connections as the endpoint's limit lets in: to aiohttp 0 is no bound, and none given is 100. Servers such as
# uvicorn close one that is idle for 5 s: closing it first, none is used as it closes.
_LIMITS = _httpx.Limits(max_connections=0, max_keepalive_connections=None, keepalive_expiry=4.0)


class Function(BaseModel):
    name: str = ""
    arguments: str | dict[str, Any] | None = None


class Call(BaseModel):
    id: str | None = None
    function: Function


class Message(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None


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
    """What came is not what OpenAI's protocol says, or is too long to be read."""


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
        self._base_url, self._api_key = base_url.rstrip("/"), api_key
        self._client: AsyncOpenAI | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def complete(self, request: Mapping[str, Any]) -> Completion:
        """Sends `request` as it is. Waits for ever: the caller has the deadline."""
        # A whole address: to put one together from two takes the client an eighth of a request's CPU.
        url = f"{self._base_url}/chat/completions"
        sent = self._opened().post(url, cast_to=str, body=dict(request))
        return _parsed(await _received(sent), Completion)

    async def models(self) -> list[str]:
        """What the server serves, by name."""
        sent = self._opened().get("/models", cast_to=str)
        return [model.id for model in _parsed(await _received(sent), Models).data]

    def _opened(self) -> AsyncOpenAI:
        if self._client is None:
            self._client = AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._api_key,
                timeout=None,
                max_retries=0,
                default_headers={"Accept-Encoding": "identity"},  # a few KiB may unpack to many GiB
                http_client=DefaultAioHttpClient(
                    limits=_LIMITS, timeout=None, event_hooks={"response": [_bound]}
                ),
            )
        return self._client


class _Unreadable(_httpx.RequestError):
    """A body that is not read, or not to its end; `openai` passes it on as the cause of its own error."""


class _Bounded(_httpx.AsyncByteStream):
    """A response's body, up to `_MOST_MIB`."""

    def __init__(self, stream: Any):
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = _MOST_MIB * 2**20
        async for chunk in self._stream:
            if (left := left - len(chunk)) < 0:
                raise _Unreadable(f"more than {_MOST_MIB} MiB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: Any) -> None:
    if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
        raise _Unreadable(f"compressed by {encoding!r}, which was not asked for")
    response.stream = _Bounded(response.stream)


async def _received(sent: Awaitable[str]) -> str:
    try:
        return await sent
    except openai.APIConnectionError as error:
        if isinstance(error.__cause__, _Unreadable):
            raise BadAnswer(str(error.__cause__)) from None
        raise NoAnswer(_first_line(str(error.__cause__ or error) or type(error).__name__)) from None
    except openai.APIStatusError as error:
        after = _seconds(error.response.headers.get("retry-after"))
        raise Refusal(error.status_code, _message(error.response.text), after) from None


def _parsed(received: str, kind: type[Any]) -> Any:
    try:
        return kind.model_validate_json(received)
    except ValidationError:
        raise BadAnswer(repr(_first_line(received))) from None


def _message(text: str) -> str:
    """What an error says, and its code: OpenAI wraps it in `error`, SGLang does not, a proxy sends a page."""
    code = None
    try:
        body = json.loads(text)
        error = body.get("error", body)
        text, code = str(error["message"]), error.get("code")
    except (ValueError, AttributeError, TypeError, KeyError):
        pass
    said = _first_line(text)
    return f"{said} ({_first_line(code)})" if isinstance(code, str) and code else said


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
