"""SGLang's routes: token ids in and out, weights that change, and clients that go away."""

import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from astra_jax.inference.interface import GrammarFailed
from tests.astra_jax.inference.server.conftest import model_in, serving

IDS = [270, 271, 272, 273]
EMPTY = {"input_ids": IDS, "sampling_params": {"max_new_tokens": 4}}


def post(address: str, path: str, body: dict | None = None, timeout: float = 60) -> dict | str:
    request = urllib.request.Request(address + path, json.dumps(body or {}).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "{[" and text else text


def get(address: str, path: str) -> str:
    with urllib.request.urlopen(address + path, timeout=30) as answer:
        return answer.read().decode()


def generate(address: str, **changes) -> dict:
    params = {"max_new_tokens": 12, "sampling_seed": 1, "ignore_eos": True} | changes.pop(
        "sampling_params", {}
    )
    return post(address, "/generate", {"input_ids": IDS, "sampling_params": params} | changes)


def counted(address: str, name: str) -> float:
    lines = [line for line in get(address, "/metrics").splitlines() if line.startswith(f"astra_{name} ")]
    return float(lines[0].split()[1])


def wait_for(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


def test_ids_go_in_and_come_out_with_logprobs_and_the_version(address):
    reply = generate(address, return_logprob=True, rid="mine")
    meta = reply["meta_info"]
    assert len(reply["output_ids"]) == 12
    assert [token for _, token, _ in meta["output_token_logprobs"]] == reply["output_ids"]
    assert (meta["id"], meta["weight_version"]) == ("mine", "default")
    assert (meta["prompt_tokens"], meta["completion_tokens"]) == (4, 12)
    assert meta["finish_reason"] == {"type": "length", "length": 12}
    assert generate(address)["output_ids"] == reply["output_ids"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_likeliest_tokens_at_each_place_are_told_to_those_who_ask(address, stream):
    plain = generate(address, return_logprob=True)
    asked = {"return_logprob": True, "top_logprobs_num": 4, "stream": stream}
    reply = generate(address, **asked)
    if stream:
        reply = json.loads(reply.strip().split("\n\n")[-2].removeprefix("data: "))
    meta = reply["meta_info"]
    assert meta["output_token_logprobs"] == plain["meta_info"]["output_token_logprobs"]
    assert "output_top_logprobs" not in plain["meta_info"]
    assert [len(place) for place in meta["output_top_logprobs"]] == [4] * 12
    for (logprob, token, _), place in zip(
        meta["output_token_logprobs"], meta["output_top_logprobs"], strict=True
    ):
        assert {other: score for score, other, _ in place}.get(token, logprob) == logprob


def test_several_prompts_and_samples_are_a_list(address):
    replies = generate(address, input_ids=[IDS, IDS], sampling_params={"n": 2})
    assert len(replies) == 4
    assert replies[0]["output_ids"] == replies[2]["output_ids"] == generate(address)["output_ids"]
    assert replies[0]["output_ids"] != replies[1]["output_ids"]


def test_a_stop_token_ends_it_and_is_given(address):
    ids = generate(address)["output_ids"]
    reply = generate(address, sampling_params={"stop_token_ids": [ids[5]]})
    assert reply["output_ids"] == ids[: ids.index(ids[5]) + 1]
    assert reply["meta_info"]["finish_reason"] == {"type": "stop", "matched": ids[5]}


def test_each_event_of_a_stream_has_all_that_came(address):
    body = {"input_ids": IDS, "stream": True, "sampling_params": {"max_new_tokens": 12, "sampling_seed": 1}}
    body["sampling_params"]["ignore_eos"] = True
    lines = [line for line in post(address, "/generate", body).split("\n\n") if line]
    assert lines.pop() == "data: [DONE]"
    replies = [json.loads(line.removeprefix("data: ")) for line in lines]
    lengths = [len(reply["output_ids"]) for reply in replies]
    assert (lengths[:3], set(lengths[3:])) == ([4, 8, 12], {12})
    assert replies[-1]["output_ids"] == generate(address)["output_ids"]


def test_fields_that_change_no_answer_are_let_pass(address):
    assert (
        generate(address, lora_path=None, image_data=[None], priority=3)["output_ids"]
        == generate(address)["output_ids"]
    )


def test_a_regular_expression_is_kept(address):
    reply = generate(address, sampling_params={"regex": "(ab|cd){3}", "ignore_eos": False})
    assert reply["text"] in {a + b + c for a in ("ab", "cd") for b in ("ab", "cd") for c in ("ab", "cd")}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "give either text or input_ids"),
        ({"text": "a", "input_ids": [1]}, "give either text or input_ids"),
        ({"input_ids": []}, "does not fit"),
        ({"input_ids": [1, 99_999]}, "outside a vocabulary"),
        ({"input_ids": IDS, "sampling_params": {"stop_token_ids": [99_999]}}, "not all tokens"),
        ({"input_ids": IDS, "sampling_params": {"min_p": 0.1}}, "min_p"),
        ({"input_ids": IDS, "sampling_params": {"regex": "("}}, "grammar"),
        ({"input_ids": IDS, "sampling_params": {"stop": ""}}, "a stop is empty"),
        ({"input_ids": "no"}, "input_ids"),
        ({"text": []}, "no prompts"),
        (
            {"input_ids": [IDS] * 3, "sampling_params": {"n": 100}},
            "300 completions in one request: the queue holds 256",
        ),
        ({"input_ids": IDS, "return_logprob": True, "top_logprobs_num": 21}, "is 21: it is from 0 to 20"),
        ({"input_ids": IDS, "top_logprobs_num": 2}, "return_logprob is not true"),
        ({"input_ids": IDS, "lora_path": "an/adapter"}, "lora_path is not supported"),
    ],
)
def test_what_cannot_be_met_says_why(address, body, sentence):
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(address, "/generate", body)
    assert refused.value.code == 400
    assert sentence in json.loads(refused.value.read())["error"]["message"]


def in_background(call, *arguments) -> tuple[threading.Thread, list]:
    results: list = []
    thread = threading.Thread(target=lambda: results.append(call(*arguments)))
    thread.start()
    return thread, results


def test_a_paused_server_draws_nothing_and_an_aborted_request_comes_back(server):
    address, service = server
    post(address, "/pause_generation", {"mode": "in_place"})
    body = {"input_ids": IDS, "rid": "gone", "sampling_params": {"max_new_tokens": 400}}
    thread, results = in_background(post, address, "/generate", body)
    wait_for(lambda: sum(service.engines.load) == 1)
    post(address, "/abort_request", {"rid": "gone"})
    thread.join(30)
    assert results[0]["meta_info"]["finish_reason"]["type"] == "abort"
    assert results[0]["output_ids"] == []
    post(address, "/continue_generation")
    assert len(generate(address)["output_ids"]) == 12


def test_weights_come_from_a_folder_and_every_reply_says_which(served, tmp_path):
    other = model_in(tmp_path / "other", 1)
    with serving(served) as (address, _):
        before = generate(address)
        told = post(address, "/update_weights_from_disk", {"model_path": str(other), "weight_version": "v1"})
        after = generate(address)
        assert (told["success"], after["meta_info"]["weight_version"]) == (True, "v1")
        assert json.loads(get(address, "/get_server_info"))["weight_version"] == "v1"
    with serving(other) as (address, _):
        assert generate(address)["output_ids"] == after["output_ids"] != before["output_ids"]


def test_weights_that_cannot_be_read_are_refused_and_change_nothing(served, tmp_path):
    larger = model_in(tmp_path / "larger", 1, hidden=64)
    no_object = tmp_path / "list"
    no_object.mkdir()
    (no_object / "config.json").write_text("[]")
    half = tmp_path / "half"
    half.mkdir()
    (half / "config.json").write_bytes((served / "config.json").read_bytes())
    with serving(served) as (address, _):
        before = generate(address)
        for folder in (larger, half, no_object, tmp_path / "none"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                post(address, "/update_weights_from_disk", {"model_path": str(folder)})
            assert refused.value.code == 400
            assert json.loads(refused.value.read())["success"] is False
        assert generate(address) | {"meta_info": 0} == before | {"meta_info": 0}
        assert json.loads(get(address, "/get_model_info"))["weight_version"] == "default"


def changed(folder: Path, to: Path, **fields) -> Path:
    """A copy with other fields in its config.json."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps(config | fields))
    return to


def test_weights_of_the_same_shapes_and_another_model_are_refused(served, server, tmp_path):
    address, _ = server
    rope = json.loads((served / "config.json").read_text())["rope_parameters"] | {"rope_theta": 5e5}
    theta = changed(served, tmp_path / "theta", rope_theta=5e5, rope_parameters=rope, rms_norm_eps=1e-3)
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(address, "/update_weights_from_disk", {"model_path": str(theta)})
    said = json.loads(refused.value.read())["message"]
    assert refused.value.code == 400
    assert "another model: rope_theta is 500000.0, not 10000.0, norm_eps is 0.001, not 1e-06" in said


def test_weights_that_were_trained_for_other_lengths_are_taken(served, tmp_path):
    longer = changed(served, tmp_path / "longer", max_position_embeddings=99, initializer_range=0.5)
    with serving(served) as (address, _):
        assert post(address, "/update_weights_from_disk", {"model_path": str(longer)})["success"]


def test_a_full_queue_is_answered_with_429_and_clients_that_go_away_free_their_slots(served):
    with serving(served, queue=2) as (address, service):
        generate(address)
        post(address, "/pause_generation", {"mode": "in_place"})

        def leave() -> None:
            body = {"input_ids": IDS, "sampling_params": {"max_new_tokens": 400, "ignore_eos": True}}
            with pytest.raises(TimeoutError):
                post(address, "/generate", body, timeout=1.0)

        threads = [in_background(leave)[0] for _ in range(2)]
        wait_for(lambda: service.engines.load[1] == 2)
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(address, "/generate", EMPTY)
        assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "1")
        assert service.engines.load == (0, 2)
        for thread in threads:
            thread.join()
        wait_for(lambda: service.engines.load == (0, 0))
        post(address, "/continue_generation")
        assert len(generate(address)["output_ids"]) == 12
        assert (counted(address, "abandoned_total"), counted(address, "refused_total")) == (2, 1)


class _Breaks:
    """A grammar that allows all tokens and cannot take the third."""

    def __init__(self, vocab_size: int):
        self._all, self._left = np.full(-(-vocab_size // 32), 2**32 - 1, np.uint32), 2

    def allowed(self) -> np.ndarray:
        return self._all

    def accept(self, token_id: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise GrammarFailed("it breaks")


@pytest.mark.parametrize("stream", [False, True])
def test_when_one_of_several_completions_fails_the_others_end(server, monkeypatch, stream):
    address, service = server
    generate(address)
    whole, made = service.grammars.regex, []

    def second_breaks(regex: str):
        made.append(_Breaks(service.vocab_size) if len(made) == 1 else whole(regex))
        return made[-1]

    monkeypatch.setattr(service.grammars, "regex", second_breaks)
    abandoned, drawn = counted(address, "abandoned_total"), counted(address, "drawn_tokens_total")
    params = {"max_new_tokens": 1500, "regex": "a{1500}", "n": 3}
    body = {"input_ids": IDS, "stream": stream, "sampling_params": params}
    if stream:
        assert "it breaks" in post(address, "/generate", body)
    else:
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(address, "/generate", body)
        assert refused.value.code == 400
        assert "it breaks" in json.loads(refused.value.read())["error"]["message"]
    wait_for(lambda: service.engines.load == (0, 0))
    assert counted(address, "drawn_tokens_total") < drawn + 300
    assert counted(address, "abandoned_total") == abandoned


@pytest.mark.parametrize("stream", [False, True])
def test_who_reads_to_a_stop_string_has_not_gone_away(address, stream):
    text = generate(address)["text"]
    abandoned = counted(address, "abandoned_total")
    reply = generate(address, stream=stream, sampling_params={"max_new_tokens": 400, "stop": text[2:4]})
    last = json.loads(reply.strip().split("\n\n")[-2].removeprefix("data: ")) if stream else reply
    assert last["meta_info"]["finish_reason"] == {"type": "stop", "matched": text[2:4]}
    assert counted(address, "abandoned_total") == abandoned


def test_a_request_cannot_outlive_the_servers_deadline(served):
    with serving(served, deadline_s=0.2) as (address, _):
        post(address, "/pause_generation", {"mode": "in_place"})
        reason = post(address, "/generate", EMPTY)["meta_info"]["finish_reason"]
        assert reason == {"type": "abort", "message": "the server's deadline for a request has passed"}


def test_the_cache_is_flushed_when_nothing_runs(address):
    before = generate(address)["output_ids"]
    assert "flushed" in post(address, "/flush_cache")
    assert generate(address)["output_ids"] == before
    assert get(address, "/health") == ""
