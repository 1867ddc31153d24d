"""The servers of an engine: which can be asked, with which weights, and which of them a session has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from astra_jax.inference.homes import Homes
from astra_jax.inference.sglang.abilities import Abilities
from astra_jax.inference.sglang.address import Address, new_client
from astra_jax.inference.sglang.errors import NoAnswer, Refusal, ServersDown, UnfitServer
from astra_jax.inference.sglang.server import Server
from astra_jax.inference.sglang.settings import ServerSettings
from astra_jax.inference.sglang.weights import Weights

_LOG = logging.getLogger(__name__)
Result = TypeVar("Result")


class Member:
    """A server and its state, which is changed by the fleet alone."""

    def __init__(self, server: Server, number: int):
        self.server, self.number = server, number
        self.problem = "it was not asked yet"  # why it cannot be asked; empty: it can
        self.unfit = ""  # why it never can
        self.under_way = 0
        self.gone = asyncio.Event()
        self.busy = asyncio.Lock()  # is looked at, or takes weights

    @property
    def up(self) -> bool:
        return not self.problem

    def describe(self) -> str:
        a = self.server.abilities
        if not self.up or a is None:
            return self.problem
        again = "the same tokens from the same seed" if a.repeats else "other tokens when it is asked again"
        return f"{self.server.url} ({a.kind}, {a.context} tokens, {again})"

    async def ask(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result, or `NoAnswer` as soon as the server is known to be gone."""
        task, gone = asyncio.ensure_future(work), asyncio.ensure_future(self.gone.wait())
        self.under_way += 1
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise NoAnswer(self.problem)
            return task.result()
        finally:
            self.under_way -= 1
            task.cancel()
            gone.cancel()


class Fleet:
    """Of one event loop, in which everything here runs.

    A server that is silent, refuses weights or has others than the newest is taken out: its requests go elsewhere, it
    is looked at again every `watch_s`, and is taken in when it has the newest weights.
    """

    def __init__(self, settings: ServerSettings, *, trains: bool):
        """
        Args:
            trains: whether weights will be changed. The servers are then this fleet's own: one that was left paused
                goes on, and one that cannot take weights is unfit.
        """
        self._settings, self._trains = settings, trains
        self.members: list[Member] = []
        self._homes = Homes()
        self._newest: Weights | None = None
        self._settled: Weights | None = None  # what those that are up have; None while it changes
        self._some_up = asyncio.Event()

    async def start(self) -> None:
        """Asks every server what it can do, and looks after them from now on.

        Raises:
            UnfitServer: one answers, and cannot do what is needed.
            ServersDown: none answers.
        """
        self._client = new_client()
        urls = self._settings.urls
        self.members = [Member(Server(Address(url, self._client)), i) for i, url in enumerate(urls)]
        await asyncio.gather(*map(self._look_at, self.members))
        if unfit := [member.unfit for member in self.members if member.unfit]:
            raise UnfitServer("; ".join(unfit))
        if not self._up():
            raise ServersDown(self._problems())
        self._watch = asyncio.create_task(self._watching())

    async def close(self) -> None:
        await self._client.close()

    def describe(self) -> str:
        """Each server, with what it is or what is wrong with it."""
        return "; ".join(member.describe() for member in self.members)

    async def choose(self, session: str, token_ids: Sequence[int]) -> Member:
        """The server that a request goes to, as soon as one is up.

        Raises:
            ServersDown: none is, for `patience_s`.
        """
        await self._until_some_up()
        up = self._up()
        if not session:
            return min(up, key=lambda member: member.under_way)
        return self.members[self._homes.of(session, token_ids, [member.number for member in up])]

    def release(self, session: str) -> None:
        self._homes.release(session)

    def unsettle(self) -> None:
        """Newer weights come: no server is taken out for those that it has, until `settle`."""
        self._settled = None

    def settle(self, weights: Weights) -> None:
        """From now on a server needs these to be asked."""
        self._newest = self._settled = weights

    async def update(self, weights: Weights) -> None:
        """Gives the weights to all servers that are up, at the same time. `unsettle` comes before it.

        Raises:
            ServersDown: none took them, nor did one that came back within `patience_s`.
        """
        self._newest = weights
        await asyncio.gather(*(self._update(member, weights) for member in self._up()))
        self.settle(weights)
        await self._until_some_up()

    def lost(self, member: Member, why: str) -> None:
        """Takes a server out."""
        if member.up:
            _LOG.warning("%s; it is left out until it answers and has the newest weights", why)
            member.gone.set()
        member.problem = why
        if not self._up():
            self._some_up.clear()

    async def _update(self, member: Member, weights: Weights) -> None:
        async with member.busy:
            try:
                await self._give(member.server, weights)
            except (NoAnswer, Refusal) as error:
                self.lost(member, f"{error}, when it was given the weights {weights.name}")

    async def _give(self, server: Server, weights: Weights) -> None:
        await server.pause()
        try:
            await server.update(weights.folder, weights.name, self._settings.update_s)
        finally:
            await server.resume()

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(self._settings.watch_s)
            await asyncio.gather(*map(self._look_at, self.members))

    async def _look_at(self, member: Member) -> None:
        async with member.busy:
            try:
                if member.up:
                    await self._check(member.server)
                else:
                    await self._take_in(member)
            except (NoAnswer, Refusal) as error:
                self.lost(member, str(error))

    async def _check(self, server: Server) -> None:
        due = self._settled
        found = await server.weights(self._settings.silence_s)
        if due and due is self._settled and found != due.name:
            raise NoAnswer(f"{server.url} has the weights {found} and not {due.name}")

    async def _take_in(self, member: Member) -> None:
        server = member.server
        if self._trains:
            await server.resume()  # a trainer that was killed may have left it paused
        abilities = await server.probe(self._settings.probe_s)
        member.unfit = self._unfit(server.url, abilities)
        if member.unfit:
            raise NoAnswer(member.unfit)
        given = None
        while self._newest is not given:  # newer ones may come meanwhile
            given = self._newest
            if given:
                await self._give(server, given)
        member.problem = ""
        member.gone = asyncio.Event()
        _LOG.info("%s can be asked", member.describe())
        self._some_up.set()

    def _unfit(self, url: str, abilities: Abilities) -> str:
        """Why a server cannot do what is needed, or nothing."""
        if abilities.context < self._settings.context:
            return (
                f"{url} holds sequences of {abilities.context} tokens, and {self._settings.context} are needed: "
                "start it with a larger context, or ask for less"
            )
        if self._trains and not abilities.updates:
            return (
                f"{url} is {abilities.kind}, which takes no weights over HTTP: it can serve synthesis and "
                "evaluation, and no training"
            )
        return ""

    def _up(self) -> list[Member]:
        return [member for member in self.members if member.up]

    async def _until_some_up(self) -> None:
        try:
            async with asyncio.timeout(self._settings.patience_s):
                await self._some_up.wait()
        except TimeoutError:
            raise ServersDown(self._problems()) from None

    def _problems(self) -> str:
        return "no server can be asked: " + "; ".join(member.problem for member in self.members)
