"""Weights on their way from a trainer to servers."""

import asyncio
import json
import shutil
import threading

import pytest

from astra_jax.inference.interface import Sampling
from astra_jax.inference.sglang.errors import ServersDown
from tests.astra_jax.inference.server.test_native import get, post, wait_for
from tests.astra_jax.inference.sglang.conftest import IDS, direct, folders_in, in_thread, weights_of

LONG = Sampling(24, (), seed=5)


def ask(engine, sampling=LONG):
    return asyncio.run(engine.generate(IDS, sampling))


def name_at(address):
    return json.loads(get(address, "/get_model_info"))["weight_version"]


@pytest.fixture(scope="module")
def expected(folder, other):
    """What each of the two weights draws."""
    return {path: direct(path)(IDS, LONG).token_ids for path in (folder, other)}


def test_after_a_push_every_server_samples_from_those_weights_and_every_token_says_so(
    server, folder, other, connected, tmp_path, expected
):
    engine = connected(server[0], folders=folders_in(tmp_path, folder))
    for version, path in enumerate((other, folder, other)):
        engine.push(weights_of(path), version)
        completion = ask(engine)
        assert (completion.token_ids, completion.weight_versions) == (expected[path], [version] * 24)
        assert name_at(server[0]).startswith(f"v{version}-")
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == ["v1", "v2"]


def test_a_push_blocks_in_a_loop_that_runs(server, folder, other, connected, tmp_path, expected):
    engine = connected(server[0], folders=folders_in(tmp_path, folder))

    async def step():
        engine.push(weights_of(other), 3)
        return await engine.generate(IDS, LONG)

    assert asyncio.run(step()).token_ids == expected[other]


def test_tokens_drawn_before_and_after_a_push_have_their_own_versions(
    server, folder, other, connected, tmp_path
):
    address, service = server
    engine = connected(address, folders=folders_in(tmp_path, folder))
    engine.push(weights_of(folder), 1)
    post(address, "/pause_generation", {"mode": "in_place"})
    with in_thread(ask, engine, Sampling(400, ())) as results:
        wait_for(lambda: sum(service.engines.load) == 1)
        post(address, "/continue_generation")
        request = next(iter(service._under_way.values()))[0]
        wait_for(lambda: len(request.token_ids) > 8)
        engine.push(weights_of(other), 2)
    versions = results[0].weight_versions
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}


def test_a_look_that_began_before_a_push_takes_no_server_out(
    server, folder, other, connected, tmp_path, caplog
):
    engine = connected(server[0], folders=folders_in(tmp_path, folder), watch_s=0.01)
    engine.push(weights_of(folder), 1)
    look = engine._fleet.members[0].server.weights
    before_push, pushing = threading.Event(), threading.Event()

    async def slow_look(deadline_s):
        found = await look(deadline_s)
        before_push.set()
        await asyncio.to_thread(pushing.wait, 30)
        return found

    engine._fleet.members[0].server.weights = slow_look
    assert before_push.wait(30)
    with in_thread(engine.push, weights_of(other), 2):
        wait_for(lambda: engine._fleet._newest.name.startswith("v2-"))
        pushing.set()
    assert set(ask(engine).weight_versions) == {2}
    assert not caplog.records


def test_a_server_that_missed_weights_is_asked_again_when_it_has_taken_the_newest(
    relays, folder, other, connected, tmp_path, caplog
):
    engine = connected(*(relay.address for relay in relays), folders=folders_in(tmp_path, folder))
    relays[1].cut()
    engine.push(weights_of(folder), 1)
    assert f"{relays[1].address} " in caplog.text
    assert [member.up for member in engine._fleet.members] == [True, False]
    engine.push(weights_of(other), 2)
    relays[1].restore()
    wait_for(lambda: engine._fleet.members[1].up)
    relays[0].cut()
    assert set(ask(engine).weight_versions) == {2}


def test_a_server_with_weights_of_somebody_else_is_given_the_newest_before_it_is_asked(
    server, folder, other, connected, tmp_path, expected
):
    engine = connected(server[0], folders=folders_in(tmp_path, folder), watch_s=0.5)
    engine.push(weights_of(folder), 1)
    post(server[0], "/update_weights_from_disk", {"model_path": str(other), "weight_version": "mine"})
    completion = ask(engine)
    assert (completion.token_ids, set(completion.weight_versions)) == (expected[folder], {1})


def test_weights_that_no_server_takes_are_one_sentence(server, folder, connected, tmp_path):
    directory = tmp_path / "weights"
    folders = folders_in(directory, folder)
    write = folders.write

    def lost(weights, version):
        written = write(weights, version)
        shutil.rmtree(written.folder)
        return written

    folders.write = lost
    # No look of the watch while the answer is read: it would pause the server again, to give it the same weights.
    engine = connected(server[0], folders=folders, patience_s=1.0, watch_s=60.0)
    with pytest.raises(ServersDown, match=r"v7-.*config.json"):
        engine.push(weights_of(folder), 7)
    assert not json.loads(get(server[0], "/get_server_info"))["paused"]


def test_servers_that_a_killed_trainer_left_paused_go_on(server, folder, connected, tmp_path):
    post(server[0], "/pause_generation", {"mode": "in_place"})
    engine = connected(server[0], folders=folders_in(tmp_path, folder))
    engine.push(weights_of(folder), 0)
    assert len(ask(engine).token_ids) == 24


def test_of_a_killed_trainers_folders_none_is_left_half_written_and_few_whole(folder, tmp_path):
    for left in ("v3-0000abcd", "v4-0000abcd", ".v5-0000abcd.12345678.partial"):
        (tmp_path / left).mkdir()
    folders = folders_in(tmp_path, folder, keep=1)
    written = folders.write(weights_of(folder), 0)
    folders.prune()
    assert list(tmp_path.iterdir()) == [written.folder]
    assert (written.folder / "tokenizer.json").exists()
