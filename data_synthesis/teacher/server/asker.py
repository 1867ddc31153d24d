"""Asking a language model over HTTP: greeting, room, repetition, correction, counting, and memory."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.teacher.server.answers import Refused
from data_synthesis.teacher.server.chat import BadAnswer, ChatClient, Completion, NoAnswer, Refusal
from data_synthesis.teacher.server.endpoints import Endpoint, Endpoints, Lease
from data_synthesis.teacher.server.joined import Joined
from data_synthesis.teacher.server.ledger import Ledger, Request
from data_synthesis.teacher.server.settings import ServerSettings

Message = Mapping[str, Any]

_LONGEST_BACKOFF = 60.0
_GREETING_SECONDS = 10.0  # that a server has to say which models it serves


@dataclass(frozen=True)
class Question:
    """What is asked, under which key its answer is kept, and how it is read.

    Args:
        key: of everything that the answer depends on.
        name: by which it is counted.
        fields: of the request, beside model, messages and sampling.
        read: from what a server sent to what is kept. Raises `Refused` with the reason, which the model is told.
        ask_again: how a refused answer is to be given again.
    """

    key: str
    name: str
    messages: Sequence[Message]
    fields: Mapping[str, Any]
    read: Callable[[Completion], str]
    ask_again: str


class Asker:
    """Asks questions of servers that serve one model.

    An answer that holds is kept in `ledger` under its question's key, and never asked for again; a failure is never
    kept. The same question asked twice at once is asked once, and both get its answer or failure.
    """

    def __init__(self, settings: ServerSettings, ledger: str | Path, *, shared: bool = False):
        """
        Args:
            shared: whether others ask beside this one, with the same ledger, on any machine that sees its folder. What
                one of them is answered the others know in the next run; the budget is each one's own.

        Raises:
            OSError: the ledger cannot be written.
        """
        self.settings = settings
        self.name = settings.model
        self._ledger = Ledger(ledger, part=shared)
        self._endpoints = Endpoints([_endpoint(url, settings) for url in settings.base_urls])
        self._greeting: asyncio.Future[None] | None = None
        self._asking: Joined[str] = Joined()
        self._gone = ""  # why nothing is asked any more

    async def close(self) -> None:
        """Lets connections go, in the event loop that asked. `usage` still answers."""
        for endpoint in self._endpoints.all:
            await endpoint.client.close()

    def usage(self) -> dict[str, Any]:
        """Requests, refused answers, tokens, seconds and cost by prompt, over all runs with this ledger."""
        return dict(self._ledger.usage())

    async def greet(self) -> None:
        """Checks, before the first question, that a server answers and serves the model.

        Raises:
            TeacherGone: none does; names the servers and what each said.
        """
        problems = await asyncio.gather(*(self._problem(endpoint) for endpoint in self._endpoints.all))
        if all(problems):
            raise TeacherGone("; ".join(problems))

    async def _answered(self, question: Question) -> str:
        """What was kept of the answer, by this run or by another.

        Raises:
            TeacherError: no usable answer to this question.
            TeacherGone: no question can be answered: no server, a wrong model or key, a spent budget. From then on no
                request is sent. It is raised when those in flight have ended, within their deadline: whoever hears of
                it drops what else it waits for, and what is paid for is counted, and kept where it holds.
        """
        if (kept := self._ledger.reply(question.key)) is not None:
            return kept
        return await self._asking.result(question.key, lambda: self._answer_unless_gone(question))

    async def _answer_unless_gone(self, question: Question) -> str:
        try:
            return await self._answer(question)
        except TeacherGone as gone:
            self._gone = self._gone or str(gone)
            await self._endpoints.idle()
            raise

    async def _answer(self, question: Question) -> str:
        await self._greeted()
        messages: Sequence[Message] = question.messages
        problem = ""
        for _ in range(self.settings.attempts):
            completion, seconds = await self._complete(question, messages)
            try:
                reply = question.read(completion)
            except Refused as refused:
                problem = str(refused)
                self._count(question, completion, seconds)
                messages = [*question.messages, *_correction(completion, problem, question.ask_again)]
                continue
            self._count(question, completion, seconds, reply)
            return reply
        raise TeacherError(f"{question.name}: no valid answer in {self.settings.attempts}: {problem}")

    async def _greeted(self) -> None:
        """Greets once for all questions; one that is cancelled meanwhile does not cancel the others' greeting."""
        if self._greeting is None:
            self._greeting = asyncio.ensure_future(self.greet())
        await asyncio.shield(self._greeting)

    async def _complete(self, question: Question, messages: Sequence[Message]) -> tuple[Completion, float]:
        """One served request, after as many that were not served as `patience` allows; with its seconds."""
        trouble = ""
        for repetition in range(self.settings.patience + 1):
            async with self._endpoints.lease() as lease:
                self._check_still_asking()
                start = time.perf_counter()
                try:
                    completion = await self._request(lease, question, messages)
                    lease.kept_up()
                    return completion, time.perf_counter() - start
                except _NotServed as not_served:
                    trouble, wait = str(not_served), not_served.wait
            if repetition < self.settings.patience:
                await asyncio.sleep(wait if wait is not None else self._backoff(repetition))
        raise TeacherError(f"{question.name}: {trouble}, {self.settings.patience + 1} times")

    def _check_still_asking(self) -> None:
        """Looked at when there is room for a request: what is asked, and paid, meanwhile counts.

        Raises:
            TeacherGone: this was raised before, or the budget is spent.
        """
        if self._gone:
            raise TeacherGone(self._gone)
        s = self.settings
        if 0 < s.budget <= self._ledger.spent:
            raise TeacherGone(
                f"the budget of {s.budget:g} is spent ({self._ledger.spent:.4g} by {self._ledger.path}); "
                "what was answered is kept: run again with a larger one to go on"
            )

    async def _request(self, lease: Lease, question: Question, messages: Sequence[Message]) -> Completion:
        """
        Raises:
            _NotServed: it may be served later.
            TeacherError, TeacherGone: it will not be.
        """
        url = lease.endpoint.url
        request = {
            "model": self.settings.model,
            "messages": list(messages),
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
            **question.fields,
            **self.settings.extra_body,
        }
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                return await lease.endpoint.client.complete(request)
        except TimeoutError:
            lease.overloaded()
            raise _NotServed(f"{url} did not answer within {self.settings.deadline_s:g} s") from None
        except NoAnswer as error:
            lease.silent()
            raise _NotServed(f"{url} does not answer ({error})") from None
        except BadAnswer as error:
            raise _NotServed(f"{url} sent no chat completion ({error})") from None
        except Refusal as refusal:
            raise _verdict(lease, refusal) from None

    def _backoff(self, repetition: int) -> float:
        longest = min(self.settings.backoff_s * 2**repetition, _LONGEST_BACKOFF)
        return longest * random.uniform(0.5, 1.0)  # not all at once again

    def _count(
        self, question: Question, completion: Completion, seconds: float, reply: str | None = None
    ) -> None:
        used = completion.usage
        tokens = (used.prompt_tokens or 0, used.completion_tokens or 0) if used else (0, 0)
        cost = (tokens[0] * self.settings.input_price + tokens[1] * self.settings.output_price) / 1e6
        if reply is None:
            self._ledger.add(Request(question.name, "refused", *tokens, seconds, cost))
        else:
            self._ledger.add(Request(question.name, "held", *tokens, seconds, cost), question.key, reply)

    async def _problem(self, endpoint: Endpoint) -> str:
        """Why a server cannot be asked, or nothing."""
        try:
            async with asyncio.timeout(_GREETING_SECONDS):
                served = await endpoint.client.models()
        except (TimeoutError, NoAnswer):
            return f"no server answers at {endpoint.url}"
        except (BadAnswer, Refusal) as error:
            return f"{endpoint.url} is no OpenAI-compatible server ({error})"
        if self.settings.model not in served:
            return f"{endpoint.url} does not serve {self.settings.model!r}, only {', '.join(served)}"
        return ""


class _NotServed(Exception):
    """A request that may be served later; `wait` is how long the server says that will take, in seconds."""

    def __init__(self, message: str, wait: float | None = None):
        super().__init__(message)
        self.wait = wait


def _endpoint(url: str, settings: ServerSettings) -> Endpoint:
    client = ChatClient(url, settings.api_key())
    return Endpoint(url, client, float(settings.concurrency), settings.most_concurrency)


def _verdict(lease: Lease, refusal: Refusal) -> Exception:
    url, status = lease.endpoint.url, refusal.status
    if status in (408, 409, 429) or status >= 500:
        lease.overloaded()
        wait = refusal.retry_after
        return _NotServed(f"{url} answered {status}", None if wait is None else min(wait, _LONGEST_BACKOFF))
    if status in (401, 403, 404):
        return TeacherGone(f"{url} answered {status}: {refusal}")
    return TeacherError(f"{url} refused the question with {status}: {refusal}")


def _correction(completion: Completion, problem: str, ask_again: str) -> list[Message]:
    said = (completion.choices[0].message.content or "") if completion.choices else ""
    again = f"Your answer was refused: {problem}\n{ask_again}"
    return [{"role": "assistant", "content": said[:4096]}, {"role": "user", "content": again}]
