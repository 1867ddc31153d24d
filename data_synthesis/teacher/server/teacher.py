"""The teacher behind an OpenAI-compatible server: asks, validates, says what was wrong, counts, and remembers."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import openai
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel

from data_synthesis.records import content_hash
from data_synthesis.teacher.interface import Prompt, TeacherError, TeacherGone
from data_synthesis.teacher.server.answers import Refused, answer_text, validated
from data_synthesis.teacher.server.endpoints import Endpoint, Endpoints, Lease
from data_synthesis.teacher.server.ledger import Ledger, Request
from data_synthesis.teacher.server.settings import ServerSettings

Reply = TypeVar("Reply", bound=BaseModel)

_LONGEST_BACKOFF = 60.0
_GREETING_SECONDS = 10.0  # that a server has to say which models it serves


class ServerTeacher:
    """Asks a language model over HTTP.

    An answer that validated is kept in `ledger` under everything that it depends on, and never asked for again;
    a failure is never kept.
    """

    def __init__(self, settings: ServerSettings, ledger: str | Path):
        """
        Raises:
            OSError: the ledger cannot be written.
        """
        self.settings = settings
        self.name = settings.model
        self._ledger = Ledger(ledger)
        self._endpoints = Endpoints([_endpoint(url, settings) for url in settings.base_urls])
        self._greeting: asyncio.Future[None] | None = None

    async def __aenter__(self) -> ServerTeacher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets connections go, in the event loop that asked. `usage` still answers."""
        for endpoint in self._endpoints.all:
            await endpoint.client.close()

    async def greet(self) -> None:
        """Checks, before the first question, that a server answers and serves the model.

        Raises:
            TeacherGone: none does; names the servers and what each said.
        """
        problems = await asyncio.gather(*(self._problem(endpoint) for endpoint in self._endpoints.all))
        if all(problems):
            raise TeacherGone("; ".join(problems))

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """Answers with an instance of `prompt.response_model`.

        Raises:
            TeacherError: no usable answer to this question.
            TeacherGone: no question can be answered: no server, a wrong model or key, a spent budget.
        """
        key = self._key(prompt)
        if (kept := self._ledger.reply(key)) is not None:
            return prompt.response_model.model_validate_json(kept)
        await self._greeted()
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": prompt.text()}]
        problem = ""
        for _ in range(self.settings.attempts):
            completion, seconds = await self._complete(prompt, messages)
            try:
                text = answer_text(completion, self.settings.max_tokens)
                reply = validated(text, prompt.response_model)
            except Refused as refused:
                problem = str(refused)
                self._count(prompt, completion, seconds)
                messages = [*messages[:1], *_correction(completion, problem)]
                continue
            self._count(prompt, completion, seconds, key, reply.model_dump_json())
            return reply
        raise TeacherError(f"{prompt.name}: no valid answer in {self.settings.attempts}: {problem}")

    async def _greeted(self) -> None:
        """Greets once for all questions; one that is cancelled meanwhile does not cancel the others' greeting."""
        if self._greeting is None:
            self._greeting = asyncio.ensure_future(self.greet())
        await asyncio.shield(self._greeting)

    def usage(self) -> dict[str, Any]:
        """Requests, refused answers, tokens, seconds and cost by prompt, over all runs with this ledger."""
        return dict(self._ledger.usage())

    def _key(self, prompt: Prompt[Any]) -> str:
        """Everything that an answer depends on, the words of the question among them."""
        s = self.settings
        asked = [prompt.text(), _schema(prompt.response_model), prompt.attempt]
        return content_hash([s.model, s.answer, s.temperature, s.max_tokens, dict(s.extra_body), *asked])

    async def _complete(
        self, prompt: Prompt[Any], messages: list[ChatCompletionMessageParam]
    ) -> tuple[ChatCompletion, float]:
        """One served request, after as many that were not served as `patience` allows; with its seconds."""
        trouble = ""
        for repetition in range(self.settings.patience + 1):
            self._check_budget()
            async with self._endpoints.lease() as lease:
                start = time.perf_counter()
                try:
                    completion = await self._request(lease, prompt, messages)
                    lease.kept_up()
                    return completion, time.perf_counter() - start
                except _NotServed as not_served:
                    trouble, wait = str(not_served), not_served.wait
            if repetition < self.settings.patience:
                await asyncio.sleep(wait if wait is not None else self._backoff(repetition))
        raise TeacherError(f"{prompt.name}: {trouble}, {self.settings.patience + 1} times")

    def _check_budget(self) -> None:
        s = self.settings
        if 0 < s.budget <= self._ledger.spent:
            raise TeacherGone(
                f"the budget of {s.budget:g} is spent ({self._ledger.spent:.4g} by {self._ledger.path}); "
                "what was answered is kept: run again with a larger one to go on"
            )

    async def _request(
        self, lease: Lease, prompt: Prompt[Any], messages: list[ChatCompletionMessageParam]
    ) -> ChatCompletion:
        """
        Raises:
            _NotServed: it may be served later.
            TeacherError, TeacherGone: it will not be.
        """
        url = lease.endpoint.url
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                response = await lease.endpoint.client.chat.completions.create(
                    model=self.settings.model,
                    messages=messages,
                    temperature=self.settings.temperature,
                    max_tokens=self.settings.max_tokens,
                    seed=prompt.attempt,
                    extra_body={**self._format(prompt), **self.settings.extra_body},
                )
        except (TimeoutError, openai.APITimeoutError):
            lease.overloaded()
            raise _NotServed(f"{url} did not answer within {self.settings.deadline_s:g} s") from None
        except openai.APIConnectionError as error:
            lease.silent()
            raise _NotServed(f"{url} does not answer ({_cause(error)})") from None
        except openai.APIStatusError as error:
            raise _verdict(lease, error) from None
        except (openai.APIError, json.JSONDecodeError) as error:
            raise _NotServed(f"{url} sent no chat completion ({_cause(error)})") from None
        if not isinstance(response, ChatCompletion):  # the client passes text of another kind on as it came
            raise _NotServed(f"{url} sent no chat completion: {str(response)[:60]!r}")
        return response

    def _format(self, prompt: Prompt[Any]) -> dict[str, Any]:
        schema = {"name": prompt.name, "schema": _schema(prompt.response_model), "strict": True}
        formats = {
            "json_schema": {"type": "json_schema", "json_schema": schema},
            "json_object": {"type": "json_object"},
        }
        chosen = formats.get(self.settings.answer)
        return {"response_format": chosen} if chosen else {}

    def _backoff(self, repetition: int) -> float:
        longest = min(self.settings.backoff_s * 2**repetition, _LONGEST_BACKOFF)
        return longest * random.uniform(0.5, 1.0)  # not all at once again

    def _count(
        self, prompt: Prompt[Any], completion: ChatCompletion, seconds: float, key: str = "", reply: str = ""
    ) -> None:
        used = completion.usage
        tokens = (used.prompt_tokens or 0, used.completion_tokens or 0) if used else (0, 0)
        cost = (tokens[0] * self.settings.input_price + tokens[1] * self.settings.output_price) / 1e6
        outcome = "held" if key else "refused"
        self._ledger.add(Request(prompt.name, outcome, *tokens, seconds, cost), key, reply)

    async def _problem(self, endpoint: Endpoint) -> str:
        """Why a server cannot be asked, or nothing."""
        try:
            async with asyncio.timeout(_GREETING_SECONDS):
                served = [model.id for model in (await endpoint.client.models.list()).data]
        except (TimeoutError, openai.APIConnectionError):
            return f"no server answers at {endpoint.url}"
        except (openai.APIError, json.JSONDecodeError, AttributeError, TypeError) as error:
            return f"{endpoint.url} is no OpenAI-compatible server ({_cause(error)})"
        if self.settings.model not in served:
            return f"{endpoint.url} does not serve {self.settings.model!r}, only {', '.join(served)}"
        return ""


class _NotServed(Exception):
    """A request that may be served later; `wait` is how long the server says that will take, in seconds."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


def _endpoint(url: str, settings: ServerSettings) -> Endpoint:
    # Repetitions are ours: the client's own would hide from the limit that a server is overloaded.
    client = openai.AsyncOpenAI(
        base_url=url,
        api_key=os.environ.get(settings.api_key_env) or "none",
        timeout=settings.deadline_s,
        max_retries=0,
    )
    return Endpoint(url, client, float(settings.concurrency), settings.most_concurrency)


def _verdict(lease: Lease, error: openai.APIStatusError) -> Exception:
    url, status = lease.endpoint.url, error.status_code
    if status in (408, 409, 429) or status >= 500:
        lease.overloaded()
        return _NotServed(f"{url} answered {status}", _retry_after(error))
    if status in (401, 403, 404):
        return TeacherGone(f"{url} answered {status}: {_cause(error)}")
    return TeacherError(f"{url} refused the question with {status}: {_cause(error)}")


def _retry_after(error: openai.APIStatusError) -> float | None:
    """The header in seconds; its other form, a date, is not used by these servers."""
    try:
        return min(float(error.response.headers["retry-after"]), _LONGEST_BACKOFF)
    except (KeyError, ValueError):
        return None


def _cause(error: Exception) -> str:
    """The first line of what went wrong, at most 200 characters: a server may send a whole page."""
    text = str(error.__cause__ or error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:200]


def _correction(completion: ChatCompletion, problem: str) -> list[ChatCompletionMessageParam]:
    said = (completion.choices[0].message.content or "") if completion.choices else ""
    again = f"Your answer was refused: {problem}\nAnswer the question again, with one JSON object and nothing else."
    return [{"role": "assistant", "content": said[:4096]}, {"role": "user", "content": again}]


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of answers: made once, as every question and every request needs it. Not to be changed."""
    return model.model_json_schema()
