"""What a server is and can do, by what it answers."""

import asyncio

import pytest

from astra_jax.inference.interface import Sampling
from astra_jax.inference.sglang.errors import ServersDown, UnfitServer
from astra_jax.inference.sglang.settings import addresses
from tests.astra_jax.inference.sglang.conftest import CONTEXT, IDS, StandIn, folders_in

DRAWN = {"meta_info": {"finish_reason": {"type": "length"}, "output_token_logprobs": [[-1.0, 3, None]]}}
MODELS = {"data": [{"max_model_len": 8192}]}


def no_seed(body):
    known = "sampling_seed" not in body["sampling_params"]
    return DRAWN if known else (400, {"error": {"message": "unexpected keyword argument 'sampling_seed'"}})


# As SGLang 0.5.23 and SGLang-JAX answered, cut down to what is read.
SGLANG = {
    "/server_info": {"context_length": 8192, "max_total_num_tokens": 4096},
    "/model_info": {"weight_version": "default"},
    "/openapi.json": {"paths": {"/generate": {}, "/update_weights_from_disk": {}}},
    "/v1/models": MODELS,
    "/generate": DRAWN,
    "/continue_generation": {},
}
SGLANG_JAX = {
    "/get_server_info": {"context_length": 1024, "precompile_bs_paddings": [8], "disable_precompile": False},
    "/get_model_info": {"model_path": "m"},
    "/openapi.json": {"paths": {"/generate": {}}},
    "/v1/models": {"data": [{"id": "m"}]},
    "/generate": no_seed,
    "/continue_generation": {},
}


@pytest.fixture
def standing_in():
    made = []

    def make(replies):
        made.append(StandIn(replies))
        return made[-1]

    yield make
    for server in made:
        server.close()


def abilities(engine):
    return engine._fleet.members[0].server.abilities


def test_our_server_is_known(server, connected):
    found = abilities(connected(server[0]))
    assert (found.kind, found.updates, found.takes_seed, found.repeats) == ("astra_jax", True, True, True)
    assert (found.context, found.outputs_only) == (1536, False)


@pytest.mark.parametrize("deterministic", [True, False])
def test_sglang_is_known_and_whether_it_draws_by_seed(deterministic, standing_in, connected):
    info = SGLANG["/server_info"] | {"enable_deterministic_inference": deterministic}
    engine = connected(standing_in(SGLANG | {"/server_info": info}).address)
    found = abilities(engine)
    assert (found.kind, found.updates, found.takes_seed) == ("SGLang", True, True)
    assert (found.context, found.outputs_only, found.repeats) == (4096, False, deterministic)
    assert ("(SGLang, 4096 tokens, the same tokens" in engine.describe()) is deterministic


def test_sglang_jax_is_known_and_is_not_sent_what_it_does_not_know(standing_in, connected):
    server = standing_in(SGLANG_JAX)
    engine = connected(server.address)
    found = abilities(engine)
    assert (found.kind, found.updates, found.takes_seed) == ("SGLang-JAX", False, False)
    assert asyncio.run(engine.generate(IDS, Sampling(1, ()))).token_ids == [3]
    body = [body for path, body in server.asked if path == "/generate"][-1]
    assert body["return_output_logprob_only"] is True
    assert "sampling_seed" not in body["sampling_params"]


@pytest.mark.parametrize("deterministic", [True, False])
def test_sglang_jax_of_today_takes_a_seed_and_may_draw_by_it(deterministic, standing_in, connected):
    info = SGLANG_JAX["/get_server_info"] | {"enable_deterministic_sampling": deterministic}
    found = abilities(
        connected(standing_in(SGLANG_JAX | {"/get_server_info": info, "/generate": DRAWN}).address)
    )
    assert (found.kind, found.takes_seed, found.repeats) == ("SGLang-JAX", True, deterministic)


def test_sglang_that_describes_no_routes_is_taken_to_have_all(standing_in, connected, folder, tmp_path):
    server = standing_in(SGLANG | {"/openapi.json": None})
    assert abilities(connected(server.address, folders=folders_in(tmp_path, folder))).updates


def test_a_server_that_takes_no_weights_cannot_train(standing_in, connected, folder, tmp_path):
    with pytest.raises(UnfitServer, match="is SGLang-JAX, which takes no weights over HTTP"):
        connected(standing_in(SGLANG_JAX).address, folders=folders_in(tmp_path, folder))


def test_a_server_with_a_smaller_context_is_one_sentence(standing_in, connected):
    with pytest.raises(UnfitServer, match="holds sequences of 1024 tokens, and 2048 are needed"):
        connected(standing_in(SGLANG_JAX).address, context=2048)


@pytest.mark.parametrize(
    ("replies", "sentence"),
    [
        ({}, "answered 404"),
        ({"/server_info": [1]}, "is no server of generations"),
        (
            SGLANG | {"/v1/models": {}, "/server_info": {"max_total_num_tokens": None}},
            "does not say how many",
        ),
        (SGLANG | {"/generate": (500, {"detail": "out of memory"})}, "answered 500: out of memory"),
        (SGLANG | {"/generate": (400, {"message": "no model"})}, "answered 400: no model"),
    ],
    ids=["another server", "another JSON", "no length", "a broken server", "a server that refuses"],
)
def test_what_is_no_such_server_is_said(replies, sentence, standing_in, connected):
    server = standing_in(replies)
    with pytest.raises(ServersDown, match=rf"no server can be asked: {server.address}.*{sentence}"):
        connected(server.address, context=CONTEXT)


def test_addresses_are_a_list_with_commas():
    assert addresses("http://a:1/, b:2,") == ("http://a:1", "http://b:2")
    assert addresses("") == ()
