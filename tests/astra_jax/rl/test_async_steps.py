"""Batches that are played while earlier ones are trained on."""

import asyncio
import random
import threading
from pathlib import Path

import pytest
from rich.console import Console

from astra_jax.rl import train
from astra_jax.rl.engine import InThisProcess
from astra_jax.rl.train import _Trainer
from astra_jax.training.checkpoint import CheckpointManager, CheckpointMismatch
from astra_jax.training.metrics import read_metrics
from astra_jax.training.settings import BadSetting
from data_synthesis.arenas.episode import ArenaBackend
from data_synthesis.records import Episode, read_records
from tests.astra_jax.rl.test_train import assert_same_run, assert_two_processes_run_as_one, make_config

STEPS = 4


def ahead_config(small, policy, run_dir):
    config = make_config(small, policy, run_dir)
    config.async_steps, config.steps, config.checkpoint_every, config.round_groups = 1, STEPS, 2, 4
    return config


@pytest.fixture
def config(small, policy, compiled_dir, tmp_path):
    return ahead_config(small, policy, tmp_path / "run")


@pytest.fixture(scope="module")
def whole(small, policy, compiled_dir, tmp_path_factory) -> Path:
    """The folder of a run that nothing disturbed."""
    config = ahead_config(small, policy, tmp_path_factory.mktemp("whole"))
    train(config, Console(quiet=True))
    return Path(config.run_dir)


def test_all_batches_but_the_first_are_of_the_policy_before_the_last_update(whole):
    records = read_metrics(whole)
    assert [record["step"] for record in records] == list(range(1, STEPS + 1))
    assert records[0]["groups/age_max"] == 0
    assert min(record["groups/age_max"] for record in records[1:]) >= 1
    for path in sorted(whole.glob("samples/*.jsonl")):
        step = int(path.stem.removeprefix("step_"))
        (version,) = {v for episode in read_records(path, Episode) for v in episode.versions}
        assert version == max(0, step - 2)


@pytest.mark.slow
def test_batches_two_steps_ahead_are_two_updates_old_and_survive_a_restart(
    config, tmp_path, small, policy, in_a_process
):
    config.async_steps, config.samples_every = 2, 1
    with_restart = ahead_config(small, policy, tmp_path / "killed")
    with_restart.update(async_steps=2, samples_every=1)
    train(config, Console(quiet=True))
    for path in sorted(Path(config.run_dir).glob("samples/*.jsonl")):
        step = int(path.stem.removeprefix("step_"))
        (version,) = {v for episode in read_records(path, Episode) for v in episode.versions}
        assert version == max(0, step - 3)
    in_a_process("astra_jax.rl", with_restart).kill(2, random.Random(1))
    train(with_restart, Console(quiet=True))
    assert_same_run(Path(with_restart.run_dir), Path(config.run_dir))


def test_an_update_and_the_rounds_of_the_next_batch_run_at_one_time(config, monkeypatch):
    playing, seen = threading.Event(), []
    learn, play = _Trainer._learn, _Trainer._play_round

    def waiting(trainer, filled):
        seen.append(playing.wait(60))
        return learn(trainer, filled)

    async def telling(trainer, born, count):
        if trainer.updating:
            playing.set()
        return await play(trainer, born, count)

    monkeypatch.setattr(_Trainer, "_learn", waiting)
    monkeypatch.setattr(_Trainer, "_play_round", telling)
    config.steps, config.max_age, config.round_groups, config.max_rounds = 2, 0, 2, 1
    train(config, Console(quiet=True))
    assert seen == [True, True]


def test_weights_of_an_update_reach_episodes_that_are_under_way(config, monkeypatch):
    """The first update begins when a tool of the second batch is asked, which answers when its weights are there."""
    learning, asked, pushed = (threading.Event() for _ in range(3))
    learn, push, execute = _Trainer._learn, InThisProcess.push, ArenaBackend.execute

    def begun(trainer, filled):
        learning.set()
        assert asked.wait(60)
        return learn(trainer, filled)

    def told(engine, weights, version):
        push(engine, weights, version)
        if version == 1:
            pushed.set()

    def waiting(backend, calls, turn):
        if learning.is_set():
            asked.set()
            assert pushed.wait(60)
        return execute(backend, calls, turn)

    monkeypatch.setattr(_Trainer, "_learn", begun)
    monkeypatch.setattr(InThisProcess, "push", told)
    monkeypatch.setattr(ArenaBackend, "execute", waiting)
    config.steps, config.in_flight_updates, config.max_rounds = 2, True, 1
    config.groups_per_batch = config.round_groups  # nothing waits for the second batch, which is played
    train(config, Console(quiet=True))
    first, second = (
        [[span.version for span in e.version_spans] for e in read_records(path, Episode)]
        for path in sorted(Path(config.run_dir).glob("samples/*.jsonl"))
    )
    assert {v for versions in first for v in versions} == {0}
    assert all(versions == sorted(versions) and set(versions) <= {0, 1} for versions in second)
    records = read_metrics(config.run_dir)
    assert (records[0]["episodes/mixed"], records[1]["episodes/mixed"] > 0) == (0, True)
    assert 0 < records[1]["tokens/age_mean"] < records[1]["tokens/age_max"] == 1


def test_a_checkpoint_with_episodes_of_an_earlier_release_is_refused_in_a_sentence(config, monkeypatch):
    def earlier(trainer):
        episode = {"arena_id": "a", "weight_versions": [0, 0]}
        return {"arenas_played": 0, "carried_groups": [{"number": 0, "born": 1, "episodes": [episode]}]}

    config.steps = 1
    with monkeypatch.context() as patch:
        patch.setattr(_Trainer, "_extra", earlier)
        train(config, Console(quiet=True))
    (Path(config.run_dir) / "final.json").unlink()
    with pytest.raises(CheckpointMismatch, match=r"cannot be read: weight_versions: .* one version a turn"):
        train(config, Console(quiet=True))


def test_an_update_that_fails_does_not_wait_for_the_episodes_beside_it(config, monkeypatch):
    def failing(trainer, filled):
        raise MemoryError("of the update")

    play = _Trainer._play_round

    async def lasting(trainer, born, count):
        if trainer.updating:
            await asyncio.sleep(60)
            raise AssertionError("the episodes went on")
        return await play(trainer, born, count)

    monkeypatch.setattr(_Trainer, "_learn", failing)
    monkeypatch.setattr(_Trainer, "_play_round", lasting)
    config.steps, config.max_age, config.round_groups, config.max_rounds = 2, 0, 2, 1
    with pytest.raises(MemoryError, match="of the update"):
        train(config, Console(quiet=True))


def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(config, whole, in_a_process):
    rng = random.Random(0)
    in_a_process("astra_jax.rl", config).kill(3, rng)
    checkpoints = CheckpointManager(Path(config.run_dir) / "checkpoints")
    assert checkpoints.latest() is not None
    checkpoints.close()
    train(config, Console(quiet=True))
    assert_same_run(Path(config.run_dir), whole)


@pytest.mark.slow
def test_two_processes_play_and_train_as_one_with_two_devices(config, tmp_path, in_a_process, compiled_dir):
    """What processes exchange about the next batch waits until the update, which they share too, is over."""
    assert_two_processes_run_as_one(config, tmp_path, in_a_process, compiled_dir)


def test_in_flight_updates_on_policy_are_refused(config):
    config.async_steps, config.in_flight_updates = 0, True
    with pytest.raises(BadSetting, match="no episode is under way when weights change"):
        train(config, Console(quiet=True))


@pytest.mark.slow
def test_a_run_whose_devices_are_apart_is_that_of_one_device(config, whole, in_a_process):
    """One device samples the next batch while the other trains."""
    config.engine_devices = 1
    in_a_process("astra_jax.rl", config, devices=2).finish()
    assert_same_run(Path(config.run_dir), whole)


def test_devices_that_only_sample_are_no_servers(config):
    config.engine_devices, config.servers.urls = 1, "http://127.0.0.1:1"
    with pytest.raises(BadSetting, match=r"config.engine_devices is 1.*servers sample on"):
        train(config, Console(quiet=True))


def test_devices_that_only_sample_have_nothing_to_do_where_batches_are_read(config):
    config.engine_devices, config.async_steps, config.train_only = 1, 0, "batches"
    with pytest.raises(BadSetting, match=r"config.engine_devices is 1.*nothing is sampled"):
        train(config, Console(quiet=True))


def test_an_engine_over_several_devices_cannot_sample_beside_an_update_on_them(config):
    config.engine_tensor = 2
    with pytest.raises(BadSetting, match=r"config.engine_tensor is 2.*config.async_steps"):
        train(config, Console(quiet=True))
