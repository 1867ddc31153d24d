"""Halves of a run: one plays and keeps its batches, another trains on them."""

import io
import os
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from astra_jax.rl import train
from astra_jax.rl.algorithms import make_algorithm
from astra_jax.rl.batches import Batches
from astra_jax.rl.rewards import make_rewards
from astra_jax.training.metrics import read_metrics
from astra_jax.training.run_folder import ConfigChanged
from astra_jax.training.settings import BadSetting
from tests.astra_jax.rl.test_train import make_config

STEPS = 3


def half(small, policy, run_dir, **fields):
    config = make_config(small, policy, run_dir)
    config.steps = STEPS
    config.update(fields)
    return config


@pytest.fixture(scope="module")
def kept(small, policy, compiled_dir, tmp_path_factory) -> Path:
    """The folder of a whole run that keeps its batches."""
    config = half(small, policy, tmp_path_factory.mktemp("kept"), keep_batches=True)
    train(config, Console(quiet=True))
    return Path(config.run_dir)


def test_training_on_the_batches_of_a_run_gives_its_weights_bit_for_bit(kept, small, policy, tmp_path):
    config = half(small, policy, tmp_path / "run", train_only=str(kept / "batches"), arenas="")
    exported = train(config, Console(quiet=True))
    assert (exported / "model.safetensors").read_bytes() == (kept / "hf" / "model.safetensors").read_bytes()
    losses = [[record["loss"] for record in read_metrics(run)] for run in (kept, config.run_dir)]
    assert losses[0] == losses[1]
    assert all("groups/age_max" not in record for record in read_metrics(config.run_dir)), "it is not known"


def test_playing_alone_keeps_batches_and_moves_no_weight(kept, small, policy, compiled_dir, tmp_path):
    config = half(small, policy, tmp_path / "run", rollout_only=True, steps=2)
    config.simulated.update_s = 0.01
    assert train(config, Console(quiet=True)) == Path(config.run_dir) / "batches"
    judges = make_algorithm(config), make_rewards(config)
    first, second = (Batches(Path(config.run_dir) / "batches").read(step, *judges) for step in (1, 2))
    of_whole = Batches(kept / "batches").read(1, *judges)
    assert first.to_json() == of_whole.to_json(), "played by the same weights"
    versions = {v for g in first.played + second.played for e in g.episodes for v in e.versions}
    assert versions == {0}
    assert {group.born for group in second.groups} == {1}
    records = read_metrics(config.run_dir)
    assert [record["skipped"] for record in records] == [1, 1]
    assert [record["groups/age_max"] for record in records] == [0, 0], "no weight has moved"
    assert min(record["time/update_s"] for record in records) > 0.01
    assert not (Path(config.run_dir) / "hf").exists()


def test_a_disk_that_is_full_is_said_with_the_file(kept, small, policy, tmp_path):
    config = half(small, policy, tmp_path / "run", rollout_only=True, steps=1)
    file = tmp_path / "run" / "batches" / "step_000001.json"
    file.parent.mkdir(parents=True)
    file.with_name(file.name + ".partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '{file}'"):
        train(config, Console(quiet=True))
    assert not file.exists()
    file.with_name(file.name + ".partial").unlink()
    train(config, Console(quiet=True))
    assert file.exists()


def test_a_trainer_can_be_measured_with_an_engine_that_only_takes_its_time(small, policy, tmp_path):
    config = half(small, policy, tmp_path / "run", steps=1, min_spread=-1.0)
    config.simulated.token_s = 1e-4
    console = Console(record=True, width=200, quiet=False, file=io.StringIO())
    train(config, console)
    (record,) = read_metrics(config.run_dir)
    assert (record["skipped"], record["groups/trained"]) == (0, config.groups_per_batch)
    assert record["time/rollout_s"] > config.limits.max_turn_tokens * config.simulated.token_s
    assert "engines: simulated, 0.0001 s a token" in console.export_text()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"simulated": {"token_s": 1.0}, "servers": {"urls": "http://a:1"}}, "takes the place of any other"),
        (
            {"simulated": {"update_s": 1.0}},
            "config.simulated.update_s is 1.0 and config.rollout_only is False",
        ),
        ({"simulated": {"token_s": -1.0}}, "config.simulated.token_s is -1.0: it is at least 0"),
    ],
)
def test_what_cannot_be_simulated_is_said(small, policy, tmp_path, change, sentence):
    with pytest.raises(BadSetting, match=sentence):
        train(half(small, policy, tmp_path / "run", **change), Console(quiet=True))


def test_what_is_no_batch_is_told_by_name(kept, small, policy, tmp_path):
    folder = tmp_path / "batches"
    folder.mkdir()
    os.link(kept / "batches" / "step_000001.json", folder / "step_000001.json")
    config = half(small, policy, tmp_path / "run", train_only=str(folder), steps=2)
    with pytest.raises(BadSetting, match=r"batches has no batch of step 2, and config.steps is 2: it has 1"):
        train(config, Console(quiet=True))
    (folder / "step_000002.json").write_text((folder / "step_000001.json").read_text()[:1000])
    with pytest.raises(BadSetting, match=r"step_000002.json is no batch that `astra rl` has kept"):
        train(config, Console(quiet=True))
    config.rollout_only = True
    with pytest.raises(BadSetting, match="nothing would be left to do"):
        train(config, Console(quiet=True))


def test_kept_batches_are_trained_on_with_the_rewards_of_the_run_that_trains(kept, small, policy, tmp_path):
    config = half(small, policy, tmp_path / "run", train_only=str(kept / "batches"), steps=1)
    config.rewards.f1, config.rewards.recall = 0.0, 2.0
    train(config, Console(quiet=True))
    (record,) = read_metrics(config.run_dir)
    assert record["reward_total/mean"] == 2 * record["reward/recall"] > record["reward/f1"]
    config.run_dir = str(tmp_path / "other")
    config.rewards.functions = "tests.astra_jax.rl.test_train:politeness=0.5"
    without = r"step_000001.json cannot be trained on: config.rewards.functions names .*test_train:politeness"
    with pytest.raises(BadSetting, match=without):
        train(config, Console(quiet=True))


def test_the_constant_of_dr_grpo_scales_the_gradient_and_nothing_else(kept, small, policy, tmp_path):
    norms = []
    for tokens in (256.0, 1024.0):
        run = half(small, policy, tmp_path / f"{tokens}", train_only=str(kept / "batches"), steps=1)
        run.update(algorithm="dr_grpo", dr_grpo_tokens=tokens)
        train(run, Console(quiet=True))
        norms.append(read_metrics(run.run_dir)[0]["grad_norm"])
    assert norms[0] == pytest.approx(4 * norms[1], rel=1e-4)


def test_a_run_goes_on_only_with_its_own_batches(kept, small, policy, tmp_path):
    folder = tmp_path / "batches"
    shutil.copytree(kept / "batches", folder)
    config = half(small, policy, tmp_path / "run", train_only=str(folder), steps=2)
    exported = train(config, Console(quiet=True))
    (folder / "step_000003.json").unlink()
    assert train(config, Console(quiet=True)) == exported, "a batch of no step of its"
    batches = [folder / f"step_00000{step}.json" for step in (1, 2)]
    batches[0].write_bytes(batches[1].read_bytes())
    with pytest.raises(
        ConfigChanged, match=r"run was started with .*\(batches_sha256: '\w{64}' then, '\w{64}' now"
    ):
        train(config, Console(quiet=True))
