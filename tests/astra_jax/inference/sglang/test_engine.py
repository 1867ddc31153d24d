"""Completions over servers: the same as without them, whatever becomes of a server."""

import asyncio

import pytest

from astra_jax.inference.interface import BadSampling, ContextOverflow, Sampling
from astra_jax.inference.sglang.errors import ServersDown, Unserved
from tests.astra_jax.inference.server.test_native import post, wait_for
from tests.astra_jax.inference.sglang.conftest import CONTEXT, IDS, VOCABULARY, StandIn, direct, in_thread

SAMPLINGS = [
    Sampling(24, (), seed=5),
    Sampling(24, (), temperature=0.0, top_logprobs=3),
    Sampling(24, (), temperature=0.7, seed=2**32 - 1, top_p=0.9, top_k=20),
]


@pytest.fixture(scope="module")
def alone(folder):
    return direct(folder)


def ask(engine, ids=IDS, sampling=SAMPLINGS[0], **arguments):
    return asyncio.run(engine.generate(ids, sampling, **arguments))


def test_tokens_and_logprobs_are_those_of_the_engine_in_this_process(server, connected, alone):
    engine = connected(server[0])

    async def all_at_once():
        return await asyncio.gather(*(engine.generate(IDS + IDS[:n], s) for n in (0, 2) for s in SAMPLINGS))

    expected = [alone(IDS + IDS[:n], sampling) for n in (0, 2) for sampling in SAMPLINGS]
    assert asyncio.run(all_at_once()) == expected


def test_a_completion_ends_with_the_stop_id_or_when_the_context_is_full(server, connected, alone):
    engine = connected(server[0], context=32)
    ids = alone(IDS, SAMPLINGS[0]).token_ids
    stopped = ask(engine, sampling=Sampling(24, (ids[3],), seed=5))
    assert (stopped.token_ids, stopped.reason) == (ids[: ids.index(ids[3]) + 1], "stop")
    full = ask(engine, sampling=Sampling(400, (), seed=5))
    assert (len(full.token_ids), full.reason) == (32 - len(IDS), "length")


@pytest.mark.parametrize(
    ("ids", "sampling", "error"),
    [
        ([], SAMPLINGS[0], ContextOverflow),
        ([1] * CONTEXT, SAMPLINGS[0], ContextOverflow),
        ([VOCABULARY], SAMPLINGS[0], BadSampling),
        (IDS, Sampling(4, (-1,)), BadSampling),
        (IDS, Sampling(0, ()), BadSampling),
        (IDS, Sampling(4, (), temperature=-1.0), BadSampling),  # only the server knows that
    ],
)
def test_what_cannot_be_met_is_an_error_of_its_kind_and_no_servers_fault(
    server, connected, ids, sampling, error
):
    engine = connected(server[0])
    with pytest.raises(error):
        ask(engine, ids, sampling)
    assert len(ask(engine).token_ids) == 24


@pytest.mark.parametrize("failure", ["cut", "silence"])
def test_a_request_under_way_on_a_server_that_goes_is_met_by_another(
    failure, server, relays, connected, alone, caplog
):
    address, service = server
    engine = connected(relays[0].address, relays[1].address, silence_s=0.5)
    post(address, "/pause_generation", {"mode": "in_place"})
    with in_thread(ask, engine) as results:
        wait_for(lambda: sum(service.engines.load) == 1)
        getattr(relays[0], failure)()
        post(address, "/continue_generation")
    assert results == [alone(IDS, SAMPLINGS[0])]
    assert f"{relays[0].address} " in caplog.text
    assert "left out" in caplog.text
    wait_for(lambda: service.engines.load == (0, 0))


def test_a_server_that_never_answers_costs_a_requests_deadline_and_the_next_is_asked(
    server, relays, connected, alone
):
    engine = connected(relays[0].address, relays[1].address, deadline_s=0.5, watch_s=60.0)
    relays[0].silence()
    assert ask(engine) == alone(IDS, SAMPLINGS[0])


def test_a_server_that_comes_back_is_asked_again(relays, connected, alone):
    engine = connected(relays[0].address, relays[1].address)
    relays[0].cut()
    assert ask(engine) == alone(IDS, SAMPLINGS[0])
    relays[0].restore()
    wait_for(lambda: all(member.up for member in engine._fleet.members))
    relays[1].cut()
    assert ask(engine) == alone(IDS, SAMPLINGS[0])


def test_requests_wait_for_a_server_and_then_say_what_is_wrong_with_each(relays, connected, alone):
    engine = connected(relays[0].address, relays[1].address, patience_s=1.0)
    relays[0].cut()
    relays[1].cut()
    with pytest.raises(ServersDown, match=rf"no server .*{relays[0].address}.*; {relays[1].address}"):
        ask(engine)
    relays[1].restore()
    assert ask(engine) == alone(IDS, SAMPLINGS[0])


def test_no_server_at_the_start_is_one_sentence(relays, connected):
    relays[0].cut()
    with pytest.raises(ServersDown, match=f"no server can be asked: {relays[0].address} does not answer"):
        connected(relays[0].address)


def test_a_session_stays_with_its_server_and_moves_when_that_is_gone(relays, connected):
    engine = connected(*(relay.address for relay in relays), watch_s=60.0)

    async def homes():
        choices = [
            await engine._fleet.choose(*of) for of in (("a", [1]), ("b", [2]), ("c", [1]), ("a", [1, 5]))
        ]
        return [member.number for member in choices]

    assert engine._background.run(homes()) == [0, 1, 0, 0]
    relays[0].cut()
    ask(engine, session="a")
    assert engine._background.run(homes()) == [1, 1, 1, 1]


def test_a_caller_that_goes_away_ends_the_request_on_the_server(server, connected):
    address, service = server
    engine = connected(address)
    post(address, "/pause_generation", {"mode": "in_place"})

    async def give_up():
        task = asyncio.create_task(engine.generate(IDS, Sampling(400, ())))
        while sum(service.engines.load) != 1:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    asyncio.run(give_up())
    wait_for(lambda: service.engines.load == (0, 0))
    post(address, "/continue_generation")


def test_a_request_ends_at_its_own_deadline_with_what_it_has(server, connected, alone):
    address, service = server
    engine = connected(address)
    post(address, "/pause_generation", {"mode": "in_place"})
    completion = ask(engine, sampling=Sampling(400, (), deadline_s=0.3))
    assert (completion.token_ids, completion.reason) == ([], "deadline")
    post(address, "/continue_generation")
    wait_for(lambda: service.engines.load == (0, 0))


def reply(ids, ended="length", **meta):
    drawn = [[-0.5, token, None] for token in ids]
    return {"meta_info": {"finish_reason": {"type": ended}, "output_token_logprobs": drawn} | meta}


@pytest.fixture
def scripted():
    """Makes servers that give these replies, one after the other, to what is asked after the probe."""
    made = []

    def make(*replies):
        left = iter(replies)
        routes = {
            "/server_info": {"context_length": 4096},
            "/v1/models": {"data": [{}]},
            "/abort_request": {},
        }
        routes["/model_info"] = {}
        routes["/generate"] = lambda body: reply([0]) if body["input_ids"] == [0] else next(left)
        made.append(StandIn(routes))
        return made[-1]

    yield make
    for server in made:
        server.close()


def test_a_server_that_ends_at_an_id_of_its_own_is_asked_to_go_on(scripted, connected):
    server = scripted(reply([7, 8], "stop"), reply([9, 4], "stop"))
    completion = ask(connected(server.address), sampling=Sampling(10, (4,), seed=3))
    assert (completion.token_ids, completion.reason) == ([7, 8, 9, 4], "stop")
    bodies = [body for path, body in server.asked if path == "/generate" and "rid" in body]
    assert [body["input_ids"] for body in bodies] == [IDS, [*IDS, 7, 8]]
    assert [body["sampling_params"]["max_new_tokens"] for body in bodies] == [10, 8]


@pytest.mark.parametrize(
    "trouble",
    [reply([5], "abort"), (503, {"detail": "full"}), (429, {"error": "full"}), {"meta_info": {}}, "?"],
    ids=["aborted by another", "unavailable", "a full queue", "half a reply", "no reply"],
)
def test_what_was_not_met_is_asked_again(trouble, scripted, connected):
    server = scripted(trouble, reply([1, 2]))
    assert ask(connected(server.address), sampling=Sampling(2, ())).token_ids == [1, 2]


def test_what_is_never_met_is_an_infrastructure_failure_that_says_why(scripted, connected):
    server = scripted(*[(503, {"detail": "no room"})] * 3)
    with pytest.raises(Unserved, match=f"3 attempts: {server.address} answered 503: no room"):
        ask(connected(server.address, attempts=3))
