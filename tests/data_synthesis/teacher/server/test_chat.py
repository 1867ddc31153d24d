"""What a server sends, in the forms in which servers send it."""

from __future__ import annotations

import asyncio
import gzip
import threading

import pytest
from scripted_server import fails, flood, says, torn

from data_synthesis.teacher.server.chat import BadAnswer, ChatClient, NoAnswer, Refusal


def complete(server, answer):
    server.script[:] = [answer]

    async def run():
        client = ChatClient(server.url, "key")
        try:
            return await client.complete({"model": "small", "messages": []})
        finally:
            await client.close()

    return asyncio.run(run())


def test_an_answer_keeps_what_is_used_and_minds_nothing_else(server):
    completion = complete(server, says("hello", finish="length", reasoning_content="well"))
    assert completion.choices[0].message.content == "hello"
    assert completion.choices[0].finish_reason == "length"
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (10, 5)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "too long", "code": 1}}, "too long"),
        ({"object": "error", "message": "too long", "code": 400}, "too long"),
        ({"detail": "too long"}, '{"detail": "too long"}'),
        ([1], "[1]"),
        (b"<html>\n<h1>too long</h1>" + b"x" * 1000, "<html>"),
        (b"", ""),
    ],
)
def test_a_refusal_says_what_the_server_says(server, body, message):
    with pytest.raises(Refusal) as refused:
        complete(server, fails(400, body))
    assert (refused.value.status, str(refused.value)) == (400, message)


@pytest.mark.parametrize(("header", "seconds"), [("2.5", 2.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_when_to_come_back_is_read_where_it_is_in_seconds(server, header, seconds):
    with pytest.raises(Refusal) as refused:
        complete(server, fails(429, retry_after=header))
    assert refused.value.retry_after == seconds


@pytest.mark.parametrize("body", [b"<html>It works!</html>", {"choices": "none"}, [], b""])
def test_what_is_no_completion_is_named(server, body):
    with pytest.raises(BadAnswer):
        complete(server, fails(200, body))


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_body_without_end_is_left(server, status):
    with pytest.raises(BadAnswer, match=r"^more than 16 MiB$"):
        complete(server, flood(status))
    assert 16 <= server.sent < 64, "what the connection holds comes on top"


def test_a_long_body_is_read(server):
    assert complete(server, says("a" * (15 * 2**20))).choices[0].message.content == "a" * (15 * 2**20)


def test_what_is_compressed_is_not_asked_for_and_not_unpacked(server):
    accepted = []

    def answer(handler):
        accepted.append(handler.headers["accept-encoding"])
        handler.send(200, gzip.compress(b" " * 2**26), content_encoding="gzip")

    with pytest.raises(BadAnswer, match=r"^compressed by 'gzip', which was not asked for$"):
        complete(server, answer)
    assert accepted == ["identity"]


def test_a_connection_that_breaks_is_no_answer(server):
    with pytest.raises(NoAnswer):
        complete(server, torn)


def test_a_client_that_was_closed_asks_again_in_another_loop(server):
    server.script[:] = [says("hello")]
    client = ChatClient(server.url + "/", "key")

    async def ask() -> list[str]:
        try:
            await client.complete({"messages": []})
            return await client.models()
        finally:
            await client.close()

    assert asyncio.run(ask()) == asyncio.run(ask()) == ["small"]


def test_a_proxy_of_the_environment_is_used_and_not_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.script[:] = [says("hello")]

    async def ask(url: str) -> str | None:
        client = ChatClient(url, "key")
        try:
            return (await client.complete({"messages": []})).choices[0].message.content
        finally:
            await client.close()

    assert asyncio.run(ask("http://model.invalid/v1")) == "hello"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert asyncio.run(ask(server.url)) == "hello"


def test_as_many_are_in_flight_as_are_sent(server):
    all_there = threading.Barrier(120)

    def answer(handler):
        all_there.wait(20)
        says("hello")(handler)

    server.script[:] = [answer]

    async def ask() -> int:
        client = ChatClient(server.url, "key")
        try:
            return len(await asyncio.gather(*(client.complete({"messages": []}) for _ in range(120))))
        finally:
            await client.close()

    assert asyncio.run(ask()) == 120
