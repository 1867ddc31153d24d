import ast
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from astra_jax import configuration
from astra_jax.rl import train
from astra_jax.rl.metrics import STOP_REASONS
from astra_jax.rl.rewards import RewardFailed
from astra_jax.sharding import MESH_AXES
from astra_jax.tokens import CHATML, QWEN3, Tokenizer
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.interruption import Interrupted
from astra_jax.training.metrics import MetricsWriter, read_metrics, without_time
from astra_jax.training.run_folder import ConfigChanged
from astra_jax.training.settings import BadSetting
from data_synthesis.records import Episode, read_records
from tests.astra_jax.training_process import PHASES
from tests.compiling import quick_process

ROOT = Path(__file__).parents[3]
STEPS = 7
ROUND_GROUPS = 7


@pytest.fixture
def config(small, policy, compiled_dir, tmp_path):
    return make_config(small, policy, tmp_path / "run")


def make_config(small, policy, run_dir):
    """Rounds that yield more groups than a batch takes, so that groups wait from step to step; arenas rest as well."""
    config = configuration.load(ROOT / "configs" / "rl" / "nano.py")
    config.run_dir, config.model, config.arenas = str(run_dir), str(policy), str(small.path)
    config.sandbox_level = "SECCOMP"
    config.steps, config.checkpoint_every, config.samples_every = STEPS, 3, 1
    config.temperature = 0.9  # sampler, trainer and reference model each have to be told
    config.group_size, config.groups_per_batch, config.round_groups, config.max_rounds = 4, 2, ROUND_GROUPS, 2
    config.limits.update(max_turns=5, max_turn_tokens=48, max_tokens=192)
    config.engine.update(slots=10, context=448, prefill_rows=4, prefill_tokens=64)
    config.row_length, config.micro_rows = 512, 4
    config.optimizer.update(learning_rate=1e-3)
    config.curriculum.update(rest_easy=1, rest_hard=1)
    return config


@pytest.fixture(scope="module")
def whole(small, policy, compiled_dir, tmp_path_factory) -> Path:
    """The folder of a run that nothing disturbed."""
    config = make_config(small, policy, tmp_path_factory.mktemp("whole"))
    assert train(config, Console(quiet=True)) == Path(config.run_dir) / "hf"
    return Path(config.run_dir)


def test_a_run_learns_from_fresh_and_from_carried_groups(whole, policy):
    records = read_metrics(whole)
    assert [record["step"] for record in records] == list(range(1, STEPS + 1))
    assert {record["groups/trained"] for record in records} == {2.0}
    assert {record["groups/age_max"] for record in records} > {0.0}
    assert max(record["arenas/resting"] for record in records) > 0
    before, after = (load_file(path / "model.safetensors") for path in (policy, whole / "hf"))
    assert before.keys() == after.keys()
    assert all(np.any(before[name] != after[name]) for name in before)


def test_sampler_and_trainer_agree_on_what_was_just_sampled(whole):
    fresh = [record for record in read_metrics(whole) if record["groups/age_max"] == 0]
    assert fresh
    assert max(record["logprob_gap_max"] for record in fresh) < 1e-4
    assert max(record["clip_fraction"] for record in fresh) == 0


def test_the_metrics_of_a_step_say_what_was_played(whole):
    for record in read_metrics(whole):
        assert record["episodes"] == 4 * ROUND_GROUPS * record["groups/rounds"]
        if record["groups/rounds"]:
            assert 0 < record["reward/f1"] <= 1
            assert sum(record[f"stop/{reason}"] for reason in STOP_REASONS) == pytest.approx(1)
    samples = sorted(whole.glob("samples/*.jsonl"))
    assert samples
    for path in samples:
        episodes = list(read_records(path, Episode))
        assert len({episode.group for episode in episodes}) == 1
        assert [episode.sample for episode in episodes] == [0, 1, 2, 3]


def test_the_speed_of_a_step_is_reported_beside_its_times(whole):
    for record in read_metrics(whole):
        assert 0 < record["time/weight_sync_s"] < record["time/step_s"]
        trained = record["time/trained_tokens_per_second"] * record["time/update_s"]
        assert trained == pytest.approx(record["tokens"])
        assert ("time/sampled_tokens_per_second" in record) == (record["groups/rounds"] > 0)


def assert_same_run(folder: Path, whole: Path) -> None:
    for path in (
        "hf/model.safetensors",
        "final.json",
        *(f"samples/{p.name}" for p in whole.glob("samples/*")),
    ):
        assert (folder / path).read_bytes() == (whole / path).read_bytes(), path
    assert without_time(read_metrics(folder)) == without_time(read_metrics(whole))


class Stopped(Exception):
    pass


def stop_when(monkeypatch, what, name, count):
    """The `count`th call of `what.name` raises, after it has done its work."""
    original, calls = getattr(what, name), iter(range(1, count + 1))

    def stopping(*arguments):
        result = original(*arguments)
        if next(calls) == count:
            raise Stopped
        return result

    monkeypatch.setattr(what, name, stopping)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(config, whole, monkeypatch):
    """Stopped twice: just after a checkpoint in which groups wait, and in a later step."""
    ages = {record["step"]: record["groups/age_max"] for record in read_metrics(whole)}
    saved = next(step for step in range(2, STEPS - 2) if ages[step + 1] > 0)
    config.checkpoint_every = saved
    for what, name, count in ((CheckpointManager, "save", 1), (MetricsWriter, "__call__", 2)):
        with monkeypatch.context() as patch:
            stop_when(patch, what, name, count)
            with pytest.raises(Stopped):
                train(config, Console(quiet=True))
        (extra,) = Path(config.run_dir).glob(f"checkpoints/{saved}/rest/metadata")
        assert json.loads(extra.read_text())["extra"]["carried_groups"], "groups must wait over the stop"
    train(config, Console(quiet=True))
    assert_same_run(Path(config.run_dir), whole)


def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(config, whole, in_a_process):
    rng = random.Random(0)
    in_a_process("astra_jax.rl", config).kill(rng.randint(1, STEPS - 3), rng)
    train(config, Console(quiet=True))
    assert_same_run(Path(config.run_dir), whole)


@pytest.mark.slow
def test_a_run_on_two_devices_killed_at_any_moment_ends_as_if_it_had_not_been(config, tmp_path, in_a_process):
    """Each device samples with an engine of its own; which one an episode meets must not matter."""
    config.steps, config.checkpoint_every, config.engine.slots = 5, 2, 5
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    config.run_dir = str(undisturbed)
    in_a_process("astra_jax.rl", config, devices=2).finish()
    config.run_dir = str(killed)
    in_a_process("astra_jax.rl", config, devices=2).kill(3, random.Random(0))
    assert CheckpointManager(killed / "checkpoints").latest() == 2
    assert not (killed / "final.json").exists()
    in_a_process("astra_jax.rl", config, devices=2).finish()
    assert_same_run(killed, undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_killed_twenty_times_ends_as_if_it_had_not_been(config, tmp_path, in_a_process):
    """In rollouts, in updates and in saves with what follows them; with all that a run can carry from step to step."""
    # On a full machine a kill comes some steps late: the last one must not find the run at its end.
    config.steps, config.checkpoint_every, config.kl_coefficient = 26, 1, 0.05
    config.arenas, config.sources = "", (("often", config.arenas, 3.0), ("seldom", config.arenas, 1.0))
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    config.run_dir = str(undisturbed)
    in_a_process("astra_jax.rl", config).finish()
    config.run_dir, rng = str(killed), random.Random(0)
    hit = Counter(
        in_a_process("astra_jax.rl", config).kill(step, rng, PHASES[step % 3]) for step in range(1, 21)
    )
    assert min(hit[phase] for phase in PHASES) >= 3, hit
    in_a_process("astra_jax.rl", config).finish()
    assert_same_run(killed, undisturbed)


def as_two_processes(config, compiled_dir) -> None:
    """The whole run, by two processes with a device each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        coordinator = f"127.0.0.1:{probe.getsockname()[1]}"
    base = configuration.describe(configuration.load(ROOT / "configs" / "rl" / "nano.py")).splitlines()
    changed = [line.split(" = ") for line in configuration.describe(config).splitlines() if line not in base]
    flags = [f"--config.{key}={ast.literal_eval(value)}" for key, value in changed]
    command = [
        sys.executable,
        "-m",
        "astra_jax.cli.member",
        "rl",
        f"--config={ROOT}/configs/rl/nano.py",
        *flags,
    ]
    environ = quick_process(devices=1) | {"JAX_COMPILATION_CACHE_DIR": str(compiled_dir)}
    processes = [
        subprocess.Popen(
            [*command, f"--coordinator={coordinator}", "--processes=2", f"--process={index}"],
            cwd=ROOT,
            env=environ,
        )
        for index in range(2)
    ]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]


def assert_two_processes_run_as_one(config, folder, in_a_process, compiled_dir) -> None:
    """With two devices in all, either way."""
    config.steps, config.engine.slots = 3, 5
    config.run_dir = str(folder / "one")
    in_a_process("astra_jax.rl", config, devices=2).finish()
    config.run_dir = str(folder / "two")
    as_two_processes(config, compiled_dir)
    assert_same_run(folder / "two", folder / "one")


@pytest.mark.slow
def test_two_processes_play_and_train_as_one_with_two_devices(config, tmp_path, in_a_process, compiled_dir):
    """Each plays its share of a round's arenas, and both train on all episodes."""
    assert_two_processes_run_as_one(config, tmp_path, in_a_process, compiled_dir)


def test_a_run_that_is_told_to_stop_saves_its_step_and_goes_on(config, whole, monkeypatch):
    config.checkpoint_every = 100
    with monkeypatch.context() as patch:
        write = MetricsWriter.__call__

        def told(writer, step, metrics):
            write(writer, step, metrics)
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)

        patch.setattr(MetricsWriter, "__call__", told)
        with pytest.raises(Interrupted, match="stopped after step 2"):
            train(config, Console(quiet=True))
    train(config, Console(quiet=True))
    assert_same_run(Path(config.run_dir), whole)


def test_a_run_killed_after_its_export_is_finished_by_the_next_call(config, whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    (folder / "final.json").unlink()
    config.run_dir = str(folder)
    assert train(config, Console(quiet=True)) == folder / "hf"
    assert_same_run(folder, whole)


def test_with_nothing_to_learn_a_step_is_counted_and_no_weight_moves(config, policy):
    config.min_spread, config.steps, config.max_rounds, config.round_groups = 1.0, 1, 1, 2
    console = Console(record=True, width=500, file=io.StringIO())
    exported = train(config, console)
    assert "rl: step 1: no group said anything, and no weight moved" in console.export_text()
    (record,) = read_metrics(config.run_dir)
    assert (record["skipped"], record["groups/trained"], record["groups/uninformative"]) == (1, 0, 2)
    before, after = (load_file(path / "model.safetensors") for path in (policy, exported))
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_exported_template_is_that_of_the_format_trained(config, policy):
    config.chat_format, config.steps = "chatml", 1
    config.min_spread, config.max_rounds, config.round_groups = 1.0, 1, 1
    exported = train(config, Console(quiet=True))
    template = (exported / "chat_template.jinja").read_text()
    assert template == CHATML.chat_template() != (policy / "chat_template.jinja").read_text()


def test_reasoning_is_as_in_the_directory_that_a_run_starts_from(config, policy, tmp_path):
    off = QWEN3.with_thinking("off")
    config.model = str(shutil.copytree(policy, tmp_path / "off"))
    Path(config.model, "chat_template.jinja").write_text(off.template_for(Tokenizer(policy)))
    config.steps, config.min_spread, config.max_rounds, config.round_groups = 1, 1.0, 1, 1
    exported = train(config, Console(quiet=True))
    assert QWEN3.as_exported(exported) == off != QWEN3
    (sample,) = Path(config.run_dir).glob("samples/*.jsonl")
    prompts = {tuple(e.token_ids[: e.prompt_length]) for e in read_records(sample, Episode)}
    (prompt,) = prompts
    assert Tokenizer(policy).decode(prompt).endswith(off.generation_prompt)


def test_arenas_of_several_files_are_played_by_their_weights(config, small):
    config.steps, config.min_spread, config.max_rounds, config.round_groups = 1, 1.0, 1, 4
    config.arenas, config.sources = "", (("often", str(small.path), 3.0), ("seldom", str(small.path), 1.0))
    train(config, Console(quiet=True))
    (record,) = read_metrics(config.run_dir)
    assert (record["source/often/groups"], record["source/seldom/groups"]) == (3, 1)
    shares = [record[f"source/{name}/f1"] for name in ("often", "seldom")]
    assert min(shares) <= record["reward/f1"] <= max(shares)


def test_a_run_goes_on_only_with_its_own_arenas(config, tmp_path, small):
    config.steps, config.min_spread, config.max_rounds, config.round_groups = 1, 1.0, 1, 1
    train(config, Console(quiet=True))
    config.arenas = str(tmp_path / "other.jsonl")
    Path(config.arenas).write_text("".join(small.path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(ConfigChanged, match="arenas_sha256"):
        train(config, Console(quiet=True))


def test_a_folder_of_an_earlier_release_is_gone_on_with_where_nothing_changed_since(config, whole, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    (folder / "final.json").unlink()
    saved = json.loads((folder / "config.json").read_text())
    parts = ("advantage", "loss_mean", "surrogate", "mask_cut_off")
    terms = ("kl_coefficient", "kl_estimator", "entropy_coefficient")
    for name in (*parts, *terms, "decoupled", "correction", "rewards", "alarms"):
        del saved[name]
    (folder / "config.json").write_text(json.dumps(saved))
    config.run_dir = str(folder)
    train(config, Console(quiet=True))
    assert_same_run(folder, whole)
    (folder / "final.json").unlink()
    config.rewards.recall, config.advantage = 0.5, "centred"
    changes = r"advantage: 'normalised' then, 'centred' now; rewards.recall: 0.0 then, 0.5 now"
    with pytest.raises(ConfigChanged, match=changes):
        train(config, Console(quiet=True))


def politeness(episode: Episode) -> float:
    """A reward function that a configuration can name."""
    return float(len(episode.token_ids) % 3)


def broken(episode: Episode) -> float:
    raise KeyError("politeness")


def test_a_run_with_other_parts_is_held_to_the_model_that_it_started_from(config, monkeypatch):
    """Also after it was stopped: what its KL term compares with is not what it has become."""
    config.update(algorithm="gspo", kl_coefficient=0.1, kl_estimator="k2", entropy_coefficient=0.01)
    config.correction.update(token="icepop", icepop_low=0.9, icepop_high=1.1)
    config.rewards.update(functions=f"{__name__}:politeness=0.5", format=0.25)
    config.update(steps=2, checkpoint_every=1, round_groups=2, max_rounds=1)
    with monkeypatch.context() as patch:
        stop_when(patch, CheckpointManager, "save", 1)
        with pytest.raises(Stopped):
            train(config, Console(quiet=True))
    train(config, Console(quiet=True))
    first, second = read_metrics(config.run_dir)
    assert first["reference_kl/k3"] < 1e-9 < 1e-6 < second["reference_kl/k3"]
    assert first["importance/masked_fraction"] == 0
    assert 0 < first[f"reward/{__name__}:politeness"] <= 2
    assert 0 <= first["reward/format"] <= 1
    assert first["reward_total/max"] <= 1 + 0.5 * 2 + 0.25


def test_a_reward_function_that_never_gives_a_score_ends_the_run_and_is_named(config):
    config.rewards.functions = f"{__name__}:broken"
    config.round_groups = 2
    with pytest.raises(RewardFailed, match=r"broken raised KeyError: 'politeness'; 8 of 8 episodes have no"):
        train(config, Console(quiet=True))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"algorithm": "ppo"}, "config.algorithm is 'ppo'; known: grpo, dr_grpo"),
        ({"correction": {"token": "tis"}}, "config.correction.token is 'tis' and config.decoupled is False"),
        ({"rewards": {"f1": 0.0}}, "no component of config.rewards has a weight"),
        ({"sandbox_level": "HIGH"}, "config.sandbox_level is 'HIGH'; known: NONE"),
        ({"chat_format": "llama"}, "config.chat_format is 'llama'; known: qwen3, chatml"),
        ({"group_size": 1}, "config.group_size is 1"),
        ({"temperature": 0.0}, "config.temperature is 0.0: it is above 0"),
        ({"max_rounds": 0}, "config.max_rounds is 0: it is at least 1"),
        ({"checkpoint_every": 0}, "config.checkpoint_every is 0: it is at least 1"),
        ({"limits": {"max_turns": 0}}, "config.limits.max_turns is 0: it is at least 1"),
        ({"async_steps": -1}, "config.async_steps is -1: it is at least 0"),
        ({"servers": {"keep": 0}}, "config.servers.keep is 0: it is at least 1"),
        ({"limits": {"deadline_s": 0.0}}, "config.limits.deadline_s is 0.0: it is at least 0.001"),
        ({"engine": {"slots": 0}}, "config.engine.slots is 0: it is at least 1"),
        ({"engine": {"prefill_tokens": 0}}, "config.engine.prefill_tokens is 0: it is at least 1"),
        ({"engine": {"decode_tokens": 0}}, "config.engine.decode_tokens is 0: it is at least 1"),
        ({"engine_tensor": 0}, "config.engine_tensor is 0: it is at least 1"),
        ({"remat": "ful"}, "config.remat is 'ful'; known: none, products"),
        ({"compute_dtype": "bf16"}, "config.compute_dtype is 'bf16'; known: float32, bfloat16"),
        ({"optimizer": {"name": "adam"}}, "config.optimizer.name is 'adam'; known: adamw, adafactor, muon"),
        ({"optimizer": {"schedule": "flat"}}, "config.optimizer.schedule is 'flat'; known: constant"),
        ({"optimizer": {"learning_rate": -1.0}}, "config.optimizer.learning_rate is -1.0: it is at least 0"),
        ({"optimizer": {"warmup_fraction": 2.0}}, "config.optimizer.warmup_fraction is 2.0: it is from 0 to"),
        ({"rewards": {"most_failed": 2.0}}, "config.rewards.most_failed is 2.0: it is from 0 to 1"),
        ({"row_length": 447}, "config.row_length is 447.*config.engine.context = 448"),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said_by_field(config, change, sentence):
    config.update(change)
    with pytest.raises(BadSetting, match=sentence):
        train(config, Console(quiet=True))
    assert not Path(config.run_dir).exists()


def test_a_model_whose_template_drops_reasoning_is_refused(config, policy, tmp_path):
    config.model = str(shutil.copytree(policy, tmp_path / "drops"))
    template = replace(QWEN3, thinking="drop").template_for(Tokenizer(policy))
    Path(config.model, "chat_template.jinja").write_text(template)
    with pytest.raises(
        BadSetting, match=r"config.model is .*drops', whose chat template drops earlier reasoning"
    ):
        train(config, Console(quiet=True))
    assert not Path(config.run_dir).exists()


@pytest.mark.parametrize("name", ["base", "nano", "smollm2", "qwen3_14b", "qwen3_32b"])
def test_a_recipe_can_be_trained(name):
    from astra_jax.inference.engine import EngineSize
    from astra_jax.inference.episodes import EpisodeLimits
    from astra_jax.rl.settings import check
    from astra_jax.training.optimizer import OptimizerConfig

    config = configuration.load(ROOT / "configs" / "rl" / f"{name}.py")
    check(config)
    assert EngineSize(**config.engine).context <= config.row_length
    assert EpisodeLimits(**config.limits).max_tokens < config.engine.context
    assert OptimizerConfig(**config.optimizer).learning_rate > 0


@pytest.mark.parametrize("name", ["qwen3_14b", "qwen3_32b"])
def test_a_recipe_of_the_paper_says_what_the_paper_says(name):
    config = configuration.load(ROOT / "configs" / "rl" / f"{name}.py")
    limits = config.limits
    assert (limits.max_turns, limits.max_prompt_tokens, limits.max_tokens) == (32, 25_600, 49_152)
    assert (config.groups_per_batch * config.group_size, config.optimizer.learning_rate) == (256, 2e-6)
    assert (config.kl_coefficient, config.entropy_coefficient, config.async_steps) == (0, 0, 0)
    assert config.rewards.f1 == 1
    assert not any(config.rewards[other] for other in ("recall", "precision", "format", "length"))


def test_rows_that_do_not_divide_over_the_devices_are_refused_before_anything_is_played(config, monkeypatch):
    sizes = dict.fromkeys(MESH_AXES, 1) | {"fsdp": 3}
    mesh = jax.sharding.AbstractMesh(tuple(sizes.values()), tuple(sizes))
    monkeypatch.setattr(sys.modules["astra_jax.rl.settings"], "make_mesh", lambda **sizes: mesh)
    with pytest.raises(BadSetting, match=r"config.micro_rows is 4: rows are split over 3 devices"):
        train(config, Console(quiet=True))
