"""One engine over one server or several: token ids in, token ids with log-probs and versions out."""

from __future__ import annotations

import asyncio
import random
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from astra_jax.checkpoints.together import on_first_process
from astra_jax.inference.interface import (
    BadSampling,
    Completion,
    ContextOverflow,
    Likeliest,
    Reason,
    Sampling,
)
from astra_jax.inference.sglang.background import Background
from astra_jax.inference.sglang.errors import NoAnswer, Refusal, Unserved
from astra_jax.inference.sglang.fleet import Fleet, Member
from astra_jax.inference.sglang.reply import Reply
from astra_jax.inference.sglang.settings import ServerSettings
from astra_jax.inference.sglang.weights import WeightFolders
from astra_jax.training.distributed import is_first

_GRACE_S = 10.0  # that a server has to end a request that it was told to end
_LONGEST_BACKOFF_S = 10.0
_TOO_LONG = re.compile("context|longer than|maximum allowed")  # in what servers say of a prompt


@dataclass
class _Drawing:
    """A completion on its way, and what has been drawn of it."""

    prompt: list[int]
    sampling: Sampling
    room: int  # tokens it may have
    session: str
    oldest: int  # version of the weights that it may be drawn with
    ends_at: float  # by the monotonic clock; infinite: it has no deadline
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    top_logprobs: list[Likeliest] = field(default_factory=list)

    @property
    def left_s(self) -> float:
        return self.ends_at - time.monotonic()

    @property
    def timeout_s(self) -> float | None:
        """What is left, as asyncio takes it."""
        return None if self.ends_at == float("inf") else self.left_s

    def as_completion(self, reason: Reason) -> Completion:
        return Completion(self.token_ids, self.logprobs, reason, self.versions, self.top_logprobs)


class ServerEngine:
    """A `GenerationEngine` and `WeightSync` over servers: SGLang, SGLang-JAX, or `astra serve`.

    A request that a server does not answer is asked of another, with the same seed. A server that draws by seed and
    has the same weights then draws the same tokens; another draws others of the same policy.
    """

    def __init__(self, settings: ServerSettings, folders: WeightFolders | None = None):
        """
        Args:
            folders: where pushed weights go; None: nothing is ever pushed, and the servers' own weights are version 0.

        Raises:
            ServersDown, UnfitServer: as `Fleet.start`.
        """
        self.settings, self._folders = settings, folders
        self._versions: dict[str, int] = {}  # of each name of weights that were pushed
        self._version = 0
        self._aborting: set[asyncio.Task[None]] = set()
        self._fleet = Fleet(settings, trains=folders is not None)
        self._background = Background("servers")
        try:
            self._background.run(self._fleet.start())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives up what is under way, and all connections."""
        self._background.close(self._fleet.close())

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, *, session: str = ""
    ) -> Completion:
        """See `GenerationEngine.generate`. Where its task is cancelled, the server is told to end the request.

        Raises:
            ContextOverflow: the prompt leaves no room for a token.
            BadSampling: a server says that the request cannot be met.
            Unserved: `attempts` times a server that is up did not meet it.
            ServersDown: none is up, for `patience_s`.
        """
        return await self._background.result(self._complete(list(token_ids), sampling, session))

    def release(self, session: str) -> None:
        """Forgets which server a session has. The servers' caches are their own."""
        self._background.soon(self._fleet.release, session)

    def push(self, weights: Any, version: int) -> None:
        """Writes the weights to a new folder, and has every server that is up sample from them; blocks meanwhile.

        All processes of a run call it. A server that does not take the weights is left out until it has the newest.

        Raises:
            ServersDown: no server took them.
            CheckpointError: they could not be written.
        """
        assert self._folders is not None, "an engine that pushes weights needs folders for them"
        # Before any process can change a server's weights, as all wait for each other to write them.
        self._background.soon(self._fleet.unsettle)
        written = self._folders.write(weights, version)
        # Known before any server can have them.
        self._versions[written.name] = version
        on_first_process(lambda: self._background.run(self._fleet.update(written)))
        if not is_first():
            self._background.soon(self._fleet.settle, written)
        self._version = version
        self._folders.prune()

    def describe(self) -> str:
        """Which servers there are, for the user."""
        return self._fleet.describe()

    @property
    def episodes_at_once(self) -> int:
        """How many episodes keep the servers busy."""
        return self.settings.at_once

    async def _complete(self, prompt: list[int], sampling: Sampling, session: str) -> Completion:
        self._check(prompt, sampling)
        room = min(sampling.max_tokens, self.settings.context - len(prompt))
        ends_at = time.monotonic() + (float("inf") if sampling.deadline_s is None else sampling.deadline_s)
        drawing = _Drawing(prompt, sampling, room, session, self._version, ends_at)
        reason = None
        while reason is None:
            reason = _ended(drawing, await self._more(drawing))
        return drawing.as_completion(reason)

    def _check(self, prompt: list[int], sampling: Sampling) -> None:
        """What servers are not asked, as they would not say so in time. The rest they refuse themselves."""
        context, V = self.settings.context, self.settings.vocab_size
        if not 0 < len(prompt) < context:
            raise ContextOverflow(
                f"a prompt of {len(prompt)} tokens does not fit a context of {context} tokens"
            )
        if sampling.max_tokens < 1:
            raise BadSampling(f"max_tokens is {sampling.max_tokens}: a completion has at least one token")
        if not all(0 <= token < V for token in (*prompt, *sampling.stop_ids)):
            raise BadSampling(f"the prompt or the stop ids have tokens outside a vocabulary of {V}")

    async def _more(self, drawing: _Drawing) -> Reply | None:
        """What the next request draws, added to `drawing`; None: its deadline passed before there was anything."""
        trouble = ""
        for attempt in range(self.settings.attempts):
            if attempt:
                await asyncio.sleep(min(self._backoff(attempt), max(0.0, drawing.left_s)))
            try:
                async with asyncio.timeout(drawing.timeout_s):
                    member = await self._fleet.choose(drawing.session, drawing.prompt)
            except TimeoutError:
                return None
            try:
                reply = await self._ask(member, drawing)
                if reply is None:
                    return None
                self._add(drawing, reply, member)
                return reply
            except NoAnswer as silence:
                trouble = str(silence)
                self._fleet.lost(member, trouble)
            except Refusal as refusal:
                trouble = str(refusal)
                if refusal.status in (400, 413, 422):
                    kind = ContextOverflow if _TOO_LONG.search(refusal.message) else BadSampling
                    raise kind(trouble) from None
        raise Unserved(f"a request was not met in {self.settings.attempts} attempts: {trouble}")

    def _backoff(self, attempt: int) -> float:
        longest = min(self.settings.backoff_s * 2 ** (attempt - 1), _LONGEST_BACKOFF_S)
        return longest * random.uniform(0.5, 1.0)  # not all at once again

    async def _ask(self, member: Member, drawing: _Drawing) -> Reply | None:
        """One request to one server; None where its deadline passed and nothing came of it."""
        rid = uuid.uuid4().hex
        request = member.server.generate(
            drawing.prompt + drawing.token_ids,
            drawing.sampling,
            drawing.room - len(drawing.token_ids),
            rid=rid,
            deadline_s=self.settings.deadline_s,
        )
        work = asyncio.ensure_future(member.ask(request))
        try:
            done, _ = await asyncio.wait({work}, timeout=drawing.timeout_s)
            if not done:  # the request's own deadline: it ends with what it has
                self._abort(member, rid)
                done, _ = await asyncio.wait({work}, timeout=_GRACE_S)
                return work.result() if done else None
            reply = work.result()
        except (asyncio.CancelledError, NoAnswer):
            self._abort(member, rid)
            raise
        finally:
            work.cancel()
        if reply.ended == "abort":
            raise Refusal(member.server.url, 503, "the request was aborted, and not from here")
        return reply

    def _abort(self, member: Member, rid: str) -> None:
        """Tells the server to end a request, whose caller does not wait for that."""

        async def abort() -> None:
            with suppress(NoAnswer, Refusal):  # then it is gone, and the request with it
                await member.server.abort(rid)

        task = asyncio.ensure_future(abort())
        self._aborting.add(task)
        task.add_done_callback(self._aborting.discard)

    def _add(self, drawing: _Drawing, reply: Reply, member: Member) -> None:
        """
        Raises:
            NoAnswer: the tokens are of weights that were not pushed from here, or of older ones than there were when
                the request began.
        """
        versions = [0] * len(reply.weights)
        if self._versions:
            for i, name in enumerate(reply.weights):
                version = None if name is None else self._versions.get(name)
                if version is None or version < drawing.oldest:
                    raise NoAnswer(
                        f"{member.server.url} drew with the weights {name}, and version {drawing.oldest} "
                        "was pushed to it"
                    )
                versions[i] = version
        drawing.token_ids += reply.token_ids
        drawing.logprobs += reply.logprobs
        drawing.versions += versions
        drawing.top_logprobs += reply.top_logprobs


def _ended(drawing: _Drawing, reply: Reply | None) -> Reason | None:
    """Why a completion is over; None where a server ended it for reasons of its own, and it goes on.

    SGLang ends at ids of the model's own configuration too, whether they were asked for or not.
    """
    if drawing.token_ids and drawing.token_ids[-1] in drawing.sampling.stop_ids:
        return "stop"
    if reply is None or reply.ended == "abort":
        return "deadline"
    if len(drawing.token_ids) >= drawing.room or reply.ended == "length":
        return "length"
    return None
