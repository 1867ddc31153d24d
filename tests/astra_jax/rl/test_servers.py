"""RL that samples over a server."""

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict
from rich.console import Console
from safetensors.numpy import load_file

from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.sglang.errors import ServersDown
from astra_jax.rl import engine as rl_engine
from astra_jax.rl import train
from astra_jax.rl.batch_filling import Filled
from astra_jax.rl.handshake import PolicyMismatch, check_agreement
from astra_jax.rl.train import _Trainer
from astra_jax.sharding import make_mesh
from astra_jax.training.metrics import read_metrics, without_time
from astra_jax.training.state import join_model, split_model
from data_synthesis.records import Episode, read_records
from tests.astra_jax.inference.server.conftest import serving
from tests.astra_jax.inference.server.test_native import wait_for
from tests.astra_jax.inference.sglang.conftest import Relay
from tests.astra_jax.rl.test_train import as_two_processes, make_config


@pytest.fixture
def config(small, policy, compiled_dir, tmp_path):
    config = make_config(small, policy, tmp_path / "run")
    config.steps, config.checkpoint_every, config.round_groups, config.max_rounds = 2, 1, 2, 1
    # Runs are compared that differ by rounding: after an update as large as `make_config`'s that decides draws.
    config.optimizer.learning_rate = 1e-5
    return config


def test_while_weights_travel_to_servers_under_an_update_in_flight_episodes_go_on():
    went_on = threading.Event()

    class Trainer(_Trainer):
        def __init__(self):
            servers = {"urls": "http://127.0.0.1:9"}
            self.config = ConfigDict({"in_flight_updates": True, "rollout_only": False, "servers": servers})

        def _update(self, filled):
            return {}

        def _push(self, version):
            self.pushed = (version, went_on.wait(30))

    async def step(trainer):
        async def episodes():
            while not hasattr(trainer, "pushed"):
                await asyncio.sleep(0.01)
                went_on.set()

        await asyncio.gather(trainer._updated(1, Filled([], [], [], 0, 0, 0, 0), ahead=True), episodes())
        return trainer.pushed

    assert asyncio.run(step(Trainer())) == (1, True)


@pytest.fixture
def served(config, policy):
    with serving(policy, EngineSize(**config.engine)) as (address, service):
        config.servers.urls = address
        yield service


def run(config) -> Path:
    console = Console(record=True, quiet=True)
    return train(config, console).parent


def assert_equal_but_for_rounding(folder: Path, other: Path) -> list[list[Episode]]:
    """The groups that were kept of each step."""
    both = [without_time(read_metrics(path)) for path in (folder, other)]
    for mine, theirs in zip(*both, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)
        assert mine["logprob_gap_max"] < 1e-4
    samples = [
        [list(read_records(file, Episode)) for file in sorted(path.glob("samples/*.jsonl"))]
        for path in (folder, other)
    ]
    ids = [[[one.token_ids for one in group] for group in groups] for groups in samples]
    assert ids[0] == ids[1]
    trained = [load_file(path / "hf" / "model.safetensors") for path in (folder, other)]
    for name, weight in trained[0].items():
        np.testing.assert_allclose(weight, trained[1][name], atol=1e-4, err_msg=name)
    return samples[0]


@pytest.mark.slow
def test_a_run_over_a_server_is_the_run_without_one_but_for_rounding(config, served, tmp_path):
    """A server reads each turn's prompt anew, in other pieces than it was drawn in: that shows in last bits."""
    over_http = run(config)
    config.run_dir, config.servers.urls = str(tmp_path / "alone"), ""
    groups = assert_equal_but_for_rounding(over_http, run(config))
    assert {version for group in groups for one in group for version in one.versions} == {0, 1}


@pytest.mark.slow
def test_a_server_that_is_lost_within_a_step_costs_no_episode(config, served, tmp_path, monkeypatch, caplog):
    """What was under way is asked again when it is back, with the same seeds."""
    undisturbed = run(config)
    config.run_dir = str(tmp_path / "disturbed")
    relay = Relay(config.servers.urls)
    config.servers.urls = relay.address
    play = _Trainer._play_round

    async def cut_in_the_second_step(trainer, step, count):
        if step == 1:
            return await play(trainer, step, count)
        round_ = asyncio.create_task(play(trainer, step, count))
        await asyncio.to_thread(wait_for, lambda: sum(served.engines.load) > 0)
        relay.cut()
        await asyncio.sleep(0.5)
        relay.restore()
        return await round_

    monkeypatch.setattr(_Trainer, "_play_round", cut_in_the_second_step)
    disturbed = run(config)
    assert "is left out until it answers" in caplog.text
    assert_equal_but_for_rounding(disturbed, undisturbed)


@pytest.mark.slow
def test_two_processes_share_a_server(config, served, compiled_dir, tmp_path):
    config.run_dir = str(tmp_path / "two")
    as_two_processes(config, compiled_dir)
    config.run_dir = str(tmp_path / "one")
    assert_equal_but_for_rounding(tmp_path / "two", run(config))
    assert len(list((tmp_path / "two" / "weights").iterdir())) == 2


@pytest.mark.slow
def test_a_run_may_go_on_with_other_servers(config, served):
    config.steps = 1
    folder = run(config)
    assert [path.name[:2] for path in (folder / "weights").iterdir()] == ["v0"]
    (folder / "final.json").unlink()
    config.servers.urls = config.servers.urls.replace("127.0.0.1", "localhost")
    assert run(config) == folder


def test_servers_that_have_other_weights_than_the_trainer_stop_the_run_before_it_trains(
    config, served, monkeypatch
):
    def export(model, *arguments, **named):
        graph, weights = split_model(model)
        weights["final_norm"]["scale"] = weights["final_norm"]["scale"] * 0.3
        return export_model(join_model(graph, weights), *arguments, **named)

    monkeypatch.setattr(rl_engine, "export_model", export)
    with pytest.raises(
        PolicyMismatch, match=r"differ from the trainer's by [\d.]+ nats a token .*most_gap is 0\.05"
    ):
        run(config)
    assert not (Path(config.run_dir) / "hf").exists()
    assert read_metrics(Path(config.run_dir)) == []


def test_the_gap_is_that_of_the_log_probs_and_too_large_a_one_is_refused(config, policy):
    graph, params = split_model(import_model(policy))
    mask = [0, 0, 1, 0, 0, 0]

    def check(logprob):
        episode = Episode(
            arena_id="a", token_ids=[5, 6, 7, 8, 9, 10], loss_mask=mask, prompt_length=2,
            logprobs=[0.0, 0.0, logprob, 0.0, 0.0, 0.0], weight_versions=[[(0, 1)]],
        )  # fmt: skip
        return check_agreement(config, graph, params, make_mesh(**config.mesh), [episode])

    config.servers.most_gap = 100.0
    exact = -check(0.0)
    config.servers.most_gap = 0.05
    assert check(exact - 0.03) == pytest.approx(0.03, abs=1e-5)
    with pytest.raises(
        PolicyMismatch, match=r"the servers' log-probs differ from the trainer's by 0\.1 nats"
    ):
        check(exact + 0.1)


def test_nothing_to_compare_is_refused_too(config, policy):
    graph, params = split_model(import_model(policy))
    episode = Episode(
        arena_id="a", token_ids=[5, 6], loss_mask=[0, 0], logprobs=[0.0] * 2, prompt_length=2,
        stop_reason="infrastructure",
    )  # fmt: skip
    with pytest.raises(PolicyMismatch, match=r"no token was sampled in 1 episodes \(infrastructure\)"):
        check_agreement(config, graph, params, make_mesh(**config.mesh), [episode])


def test_no_server_is_said_before_anything_is_played(config):
    config.servers.urls = "127.0.0.1:9"
    with pytest.raises(ServersDown, match=r"no server can be asked: http://127\.0\.0\.1:9 does not answer"):
        run(config)
