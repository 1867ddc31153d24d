"""How many requests a server gets: more while it keeps up, half when it cannot, none for a while when it is silent."""

from __future__ import annotations

import asyncio

import pytest

from data_synthesis.teacher.server.endpoints import Endpoint, Endpoints
from data_synthesis.teacher.turn import TURN


def endpoint(limit: float, most: int = 64) -> Endpoint:
    return Endpoint("http://server/v1", None, limit, most)  # type: ignore[arg-type]


def rounds(server: Endpoint, count: int) -> None:
    """`count` round trips at the limit."""
    for _ in range(count):
        server.in_flight = flying = int(server.limit)
        for _ in range(flying):
            server.kept_up()
            server.in_flight = int(server.limit)
    server.in_flight = 0


def test_the_limit_doubles_until_the_first_overload_and_grows_by_one_after_it():
    server = endpoint(4)
    rounds(server, 1)
    assert server.limit == 8
    rounds(server, 1)
    assert server.limit == 16
    server.overloaded(0)
    assert server.limit == 8
    rounds(server, 1)
    assert server.limit == pytest.approx(9, abs=0.1)
    rounds(server, 200)
    assert server.limit == 64


def test_requests_that_failed_together_shrink_it_once():
    server = endpoint(32)
    for _ in range(32):
        server.overloaded(0)
    assert server.limit == 16
    server.overloaded(1)
    assert server.limit == 8
    for cut in range(2, 20):
        server.overloaded(cut)
    assert server.limit == 1


def test_a_limit_that_is_not_reached_does_not_grow():
    server = endpoint(8)
    server.in_flight = 3
    server.kept_up()
    assert server.limit == 8


def test_no_more_are_in_flight_than_allowed_and_all_get_their_turn():
    server = endpoint(3)
    most = 0

    async def work(pool: Endpoints) -> None:
        nonlocal most
        async with pool.lease() as lease:
            most = max(most, lease.endpoint.in_flight)
            await asyncio.sleep(0)

    async def run() -> None:
        pool = Endpoints([server])
        async with asyncio.timeout(10):
            await asyncio.gather(*(work(pool) for _ in range(100)))

    asyncio.run(run())
    assert most == 3
    assert server.in_flight == 0


def test_a_place_is_given_back_when_the_request_is_cancelled_or_fails():
    server = endpoint(1)

    async def hold(pool: Endpoints, seconds: float) -> None:
        async with pool.lease():
            await asyncio.sleep(seconds)

    async def run() -> None:
        pool = Endpoints([server])
        holder, waiter = (asyncio.create_task(hold(pool, 60)) for _ in range(2))
        await asyncio.sleep(0.01)
        waiter.cancel()
        holder.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        async with asyncio.timeout(1):
            await hold(pool, 0)

    asyncio.run(run())
    assert server.in_flight == 0


def test_requests_go_where_there_is_most_room_and_not_to_a_server_that_rests():
    async def chosen(*servers: Endpoint) -> list[int]:
        pool, counts = Endpoints(servers), [0] * len(servers)
        for _ in range(3):
            async with pool.lease() as lease:
                counts[servers.index(lease.endpoint)] += 1
        return counts

    assert asyncio.run(chosen(endpoint(2), endpoint(8))) == [0, 3]

    async def resting() -> list[int]:
        silent = endpoint(8)
        silent.silent(asyncio.get_running_loop().time())
        return await chosen(endpoint(2), silent)

    assert asyncio.run(resting()) == [3, 0]


def test_a_silent_server_rests_longer_each_time_until_it_answers():
    server = endpoint(4)
    rests = []
    for _ in range(6):
        server.silent(0.0)
        rests.append(server.resting_until)
    assert rests == [5, 10, 20, 40, 60, 60]
    server.kept_up()
    server.silent(0.0)
    assert server.resting_until == 5


def test_what_began_first_goes_first():
    served: list[int] = []

    async def work(pool: Endpoints, turn: int) -> None:
        TURN.set(turn)
        async with pool.lease():
            await asyncio.sleep(0)
            served.append(turn)

    async def run() -> None:
        pool = Endpoints([endpoint(1)])
        async with asyncio.timeout(10):
            await asyncio.gather(*(work(pool, turn) for turn in (9, 3, 1, 2, 1)))

    asyncio.run(run())
    assert served == [9, 1, 1, 2, 3], "the first found a free place"
