"""Against a real HTTP server that behaves well, badly, late, or not at all."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from scripted_server import Answer, endless, fails, late, torn

from data_synthesis.embedding import EmbeddingUnavailable


def vector(text: str, width: int = 3) -> list[float]:
    """A vector that tells its text: texts are numbers here."""
    return [float(text) + 1.0, *[1.0] * (width - 1)]


def answers(handler) -> None:
    """The embeddings of what was asked for, last one first."""
    texts = handler.body["input"]
    send(handler, [{"index": i, "embedding": vector(text)} for i, text in reversed(list(enumerate(texts)))])


def send(handler, data) -> None:
    handler.send(200, {"object": "list", "model": "small", "data": data})


def says(*data) -> Answer:
    return lambda handler: send(handler, list(data))


def unit(texts: list[str]) -> np.ndarray:
    vectors = np.array([vector(text) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_vectors_are_unit_rows_in_the_order_of_the_texts(server, make_embedder):
    texts = [str(i) for i in range(23)]
    vectors = make_embedder(answers, batch=5, concurrency=3).embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, unit(texts), atol=1e-6)
    assert sorted(len(body["input"]) for body in server.bodies) == [3, 5, 5, 5, 5]
    assert {body["model"] for body in server.bodies} == {"small"}


def test_no_texts_are_no_request(server, make_embedder):
    assert len(make_embedder(answers).embed([])) == 0
    assert not server.bodies


def test_a_bounded_number_of_requests_is_in_flight(make_embedder):
    lock, flying, most = threading.Lock(), set(), []

    def slow(handler):
        with lock:
            flying.add(handler)
            most.append(len(flying))
        time.sleep(0.02)
        with lock:
            flying.remove(handler)
        answers(handler)

    make_embedder(slow, batch=1, concurrency=3).embed([str(i) for i in range(12)])
    assert max(most) <= 3


@pytest.mark.parametrize(
    "trouble",
    [
        fails(429, {"error": {"message": "slow down"}}, retry_after="0.01"),
        fails(503, retry_after="0.01"),
        torn,
    ],
)
def test_what_may_pass_is_waited_for(server, make_embedder, trouble):
    np.testing.assert_allclose(make_embedder(trouble, answers).embed(["7"]), unit(["7"]), atol=1e-6)
    assert len(server.bodies) == 2


@pytest.mark.parametrize("trouble", [late(60.0), endless])
def test_no_answer_within_the_deadline_is_said(make_embedder, trouble):
    start = time.monotonic()
    with pytest.raises(EmbeddingUnavailable, match=r"/v1 did not answer within 0.3 s"):
        make_embedder(trouble, deadline_s=0.3).embed(["1"])
    assert time.monotonic() - start < 10.0


ONE = {"index": 0, "embedding": [1.0, 0.0]}
TWO = {"index": 1, "embedding": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (says(ONE), "sent no 2 embeddings for 2 texts"),
        (says(ONE, ONE), "sent no 2 embeddings for 2 texts"),
        (says(ONE, TWO, {**TWO, "index": 2}), "sent no 2 embeddings for 2 texts"),
        (says(ONE, {**TWO, "index": 2}), "sent no 2 embeddings for 2 texts"),
        (says(ONE, {"index": 1}), "sent no 2 embeddings for 2 texts"),
        (says(ONE, {**TWO, "embedding": "AAAA"}), "sent no 2 embeddings for 2 texts"),
        (says(ONE, {**TWO, "embedding": [1.0]}), "sent no 2 embeddings for 2 texts"),
        (says(ONE, {**TWO, "embedding": [0.0, 0.0]}), "zero or not finite"),
        (says(ONE, {**TWO, "embedding": [float("nan"), 0.0]}), "zero or not finite"),
        (fails(200, {"object": "list"}), "embeddings"),
        (fails(200, b"<html>It works!</html>"), "embeddings"),
        (fails(200, {"object": "list", "data": None}), "embeddings"),
        (fails(400, {"error": {"message": "input is too long"}}), "answered 400: .*input is too long"),
        (fails(401, {"error": {"message": "no such key"}}), "answered 401: .*no such key"),
        (fails(404, {"error": {"message": "no such model"}}), "answered 404: .*no such model"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(make_embedder, answer, message):
    with pytest.raises(EmbeddingUnavailable, match=message) as error:
        make_embedder(answer).embed(["0", "1"])
    assert "\n" not in str(error.value)


def test_vectors_of_two_widths_do_not_mix(make_embedder):
    def wider(handler):
        send(handler, [{"index": 0, "embedding": vector(handler.body["input"][0], 4)}])

    with pytest.raises(EmbeddingUnavailable, match="sent embeddings of 3 and of 4 numbers"):
        make_embedder(answers, wider, batch=1, concurrency=1).embed(["0", "1"])
    embedder = make_embedder(answers, wider)
    embedder.embed(["0"])
    with pytest.raises(EmbeddingUnavailable, match="sent embeddings of 3 and of 4 numbers"):
        embedder.embed(["1"])


def test_another_model_is_refused_before_anything_is_asked(server, make_embedder):
    with pytest.raises(EmbeddingUnavailable, match=r"does not serve 'large', only small"):
        make_embedder(answers, model="large").embed(["1"])
    assert not server.bodies


def test_a_server_that_is_not_there_is_named(make_embedder):
    with pytest.raises(EmbeddingUnavailable, match=r"no server answers at http://127\.0\.0\.1:9/v1"):
        make_embedder(answers, base_url="http://127.0.0.1:9/v1").embed(["1"])


def test_half_a_character_is_no_reason_to_fail(server, make_embedder):
    make_embedder(says({"index": 0, "embedding": [1.0]})).embed(["a\ud800b"])
    assert server.bodies[0]["input"] == ["a?b"]
