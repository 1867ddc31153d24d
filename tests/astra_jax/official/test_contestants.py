"""A model behind `astra serve`, asked more than fits."""

import asyncio

import pytest

from astra_jax.evaluation.contestant import OutOfContext
from astra_jax.official.contestants import ServerContestant, make_talker
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.records import Message
from tests.astra_jax.inference.server.conftest import model_in, serving


@pytest.fixture(scope="module")
def base_url(tmp_path_factory):
    with serving(model_in(tmp_path_factory.mktemp("served"), 0)) as (address, _):
        yield f"{address}/v1"


def reply(base_url, folder, content: str, **settings):
    async def asked():
        server = {"base_urls": (base_url,), "model": "tiny", "max_tokens": 2} | settings
        contestant = ServerContestant(make_talker(server, str(folder), "server"))
        try:
            return await contestant.open("item", 0).reply([Message(role="user", content=content)], ())
        finally:
            await contestant.close()

    return asyncio.run(asked())


def test_what_does_not_fit_our_servers_context_is_out_of_context(base_url, tmp_path):
    with pytest.raises(OutOfContext, match="does not fit a context of 1536"):
        reply(base_url, tmp_path, "weather " * 2000)


def test_another_refusal_of_our_server_is_a_failure_of_the_infrastructure(base_url, tmp_path):
    with pytest.raises(InfrastructureFailure, match="logit_bias is not supported"):
        reply(base_url, tmp_path, "weather", extra_body={"logit_bias": {"3": 5}})
