import json
import os
import random
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from transformers import AutoTokenizer, GenerationConfig

from astra_jax import configuration
from astra_jax.sft.settings import before
from astra_jax.sft.train import train
from astra_jax.tokens import CHATML, FORMATS, Tokenizer
from astra_jax.tokens.tokenizer import unquote
from astra_jax.training.checkpoint import CheckpointManager, SaveFailed
from astra_jax.training.interruption import Interrupted
from astra_jax.training.metrics import MetricsWriter, read_metrics, without_time
from astra_jax.training.run_folder import ConfigChanged, RunFolder
from astra_jax.training.settings import BadSetting
from data_synthesis.records import BadRecord, write_records

ROOT = Path(__file__).parents[3]
STEPS = 16


@pytest.fixture
def config(tmp_path, data_path, tokenizer_dir, compiled_dir):
    config = configuration.load(ROOT / "configs" / "sft" / "nano.py")
    config.run_dir, config.data.path, config.tokenizer = (
        str(tmp_path / "run"),
        str(data_path),
        str(tokenizer_dir),
    )
    config.model.init.update(
        hidden_size=16, ffn_size=32, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=8
    )
    config.data.sequence_length, config.data.window, config.batch_rows = 256, 16, 2
    config.steps, config.epochs, config.checkpoint_every = STEPS, 0, 3
    config.optimizer.update(name="adamw", learning_rate=1e-2)
    return config


def test_what_is_exported_knows_where_a_turn_ends(config):
    config.steps = 1
    exported = train(config, Console(quiet=True))
    tokenizer, generation = Tokenizer(exported), GenerationConfig.from_pretrained(exported)
    assert generation.eos_token_id == tokenizer.id("<|im_end|>")
    assert generation.pad_token_id == tokenizer.id("<|endoftext|>")


def test_a_model_from_nothing_may_have_a_tokenizer_of_the_rows(config):
    config.tokenizer, config.tokenizer_vocab, config.steps = "", 600, 1
    exported = train(config, Console(quiet=True))
    assert Tokenizer(exported).vocab_size <= 600
    assert sorted(path.name for path in Path(config.run_dir).iterdir() if "tok" in path.name) == ["tokenizer"]


def test_the_loss_comes_down_and_a_finished_run_is_left_alone(config):
    assert train(config, Console(quiet=True)) == Path(config.run_dir) / "hf"
    losses = [record["loss"] for record in read_metrics(config.run_dir)]
    assert losses[-1] < 0.7 * losses[0]
    weights = Path(config.run_dir, "hf", "model.safetensors")
    before = weights.stat().st_mtime_ns
    train(config, Console(quiet=True))
    assert weights.stat().st_mtime_ns == before


@pytest.mark.parametrize("devices", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_killed_at_any_moment_ends_as_if_it_had_not_been(config, tmp_path, in_a_process, devices):
    rng = random.Random(0)
    config.save_in_background = devices == 1
    config.run_dir = str(tmp_path / "whole")
    in_a_process("astra_jax.sft", config, devices).finish()
    config.run_dir = str(tmp_path / "killed")
    for after in (rng.randint(1, 5), rng.randint(6, 12)):
        in_a_process("astra_jax.sft", config, devices).kill(after, rng)
    assert not (tmp_path / "killed" / "final.json").exists()
    in_a_process("astra_jax.sft", config, devices).finish()
    for path in ("hf/model.safetensors", "final.json", "data.json"):
        assert (tmp_path / "killed" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes(), path
    records = [without_time(read_metrics(tmp_path / run)) for run in ("killed", "whole")]
    assert records[0] == records[1]
    assert [record["step"] for record in records[0]] == list(range(1, STEPS + 1))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_saves_its_step_and_goes_on(config, tmp_path, number):
    config.steps, config.checkpoint_every = 6, 100
    undisturbed = train(config, Console(quiet=True))
    config.run_dir = str(tmp_path / "told")
    stop_after(config, 4, number)
    assert CheckpointManager(tmp_path / "told" / "checkpoints").steps() == [4]
    exported = train(config, Console(quiet=True))
    assert (exported / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    assert without_time(read_metrics(tmp_path / "told")) == without_time(read_metrics(tmp_path / "run"))


def test_a_run_may_go_on_over_another_mesh(config):
    config.steps = 1
    train(config, Console(quiet=True))
    config.mesh.data = 1
    train(config, Console(quiet=True))


def test_a_run_goes_on_only_with_its_own_configuration_and_data(config, tmp_path, data_path):
    train(config, Console(quiet=True))
    config.seed = 7
    with pytest.raises(ConfigChanged, match="seed: 0 then, 7 now"):
        train(config, Console(quiet=True))
    config.seed = 0
    config.data.path = str(tmp_path / "other.jsonl")
    Path(config.data.path).write_text("".join(data_path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(ConfigChanged, match=r"data.path.*data_sha256"):
        train(config, Console(quiet=True))


def test_a_folder_of_an_earlier_release_is_gone_on_with(config):
    def lacking(values, *names):
        return {name: value for name, value in values.items() if name not in names}

    new = config.to_dict()
    old = lacking(new, "lora", "thinking", "eval", "keep_best", "weights_every", "save_in_background")
    old["data"] = lacking(old["data"], "sources", "cache", "processes")
    folder = RunFolder(config.run_dir, old)
    folder.begin()
    folder.close()
    RunFolder(config.run_dir, new, before=before(config)).close()
    config.lora.rank = 4
    with pytest.raises(ConfigChanged, match=r"configuration \(lora.rank: 0 then, 4 now\)"):
        RunFolder(config.run_dir, config.to_dict(), before=before(config))


def test_a_mixture_has_the_loss_of_each_source(config, tmp_path, trajectories):
    for name, rows in {"few": trajectories[:3], "many": trajectories[3:]}.items():
        write_records(tmp_path / f"{name}.jsonl", rows)
    sources = [
        (name, str(tmp_path / f"{name}.jsonl"), weight) for name, weight in (("few", 3.0), ("many", 1.0))
    ]
    config.data.path, config.data.sources, config.steps = "", tuple(sources), 2
    train(config, Console(quiet=True))
    for record in read_metrics(config.run_dir):
        losses = [record["loss/few"], record["loss/many"]]
        assert min(filter(None, losses)) <= record["loss"] * 1.0001 <= max(losses) * 1.0002
    report = json.loads(Path(config.run_dir, "data.json").read_text())
    assert (report["rows"], report["sources"]["few"]["rows"]) == (40, 3)


def test_the_export_says_what_becomes_of_reasoning(config):
    config.thinking, config.steps = "off", 1
    exported = train(config, Console(quiet=True))
    assert FORMATS["qwen3"].as_exported(exported) == FORMATS["qwen3"].with_thinking("off")


def stop_after(config, step, number=signal.SIGTERM):
    """Runs until the step, and is told to stop by a signal."""
    write = MetricsWriter.__call__

    def told(writer, done, metrics):
        write(writer, done, metrics)
        if done == step:
            os.kill(os.getpid(), number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MetricsWriter, "__call__", told)
        with pytest.raises(Interrupted, match=f"stopped after step {step}"):
            train(config, Console(quiet=True))


def test_a_run_starts_from_the_weights_of_a_directory(config, tmp_path):
    first = train(config, Console(quiet=True))
    config.model.path, config.tokenizer, config.run_dir = str(first), "", str(tmp_path / "second")
    config.model.remat, config.steps, config.optimizer.learning_rate = "full", 1, 0.0
    second = train(config, Console(quiet=True))
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        assert (second / name).read_bytes() == (first / name).read_bytes(), name
    last, start = read_metrics(tmp_path / "run")[-1], read_metrics(tmp_path / "second")[0]
    assert start["loss"] < last["loss"] * 1.2


def test_the_exported_template_is_that_of_the_format_trained(config, tmp_path, trajectories):
    """The tokenizer's directory speaks Qwen3; a server must not."""
    shutil.copytree(config.tokenizer, tmp_path / "tokenizer")
    settings = tmp_path / "tokenizer" / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"chat_template": "something else"}))
    config.tokenizer, config.chat_format, config.steps = str(tmp_path / "tokenizer"), "chatml", 1
    exported = AutoTokenizer.from_pretrained(train(config, Console(quiet=True)))
    row = trajectories[2]
    text = exported.apply_chat_template(
        [message.openai() for message in row.messages],
        tools=[tool.openai() for tool in row.tools],
        tokenize=False,
    )
    assert text == unquote("".join(span.text for span in CHATML.render(row.messages, row.tools)))


def test_a_bad_row_stops_the_run_by_its_name(config, tmp_path):
    config.data.path = str(tmp_path / "bad.jsonl")
    Path(config.data.path).write_text('{"messages": 3, "tools": []}\n')
    with pytest.raises(BadRecord, match=r"bad.jsonl:1: `messages` must be a JSON list"):
        train(config, Console(quiet=True))


def test_numbers_that_are_none_stop_the_run_before_a_checkpoint_keeps_them(config):
    config.model.init.init_std = 1e30
    sentence = r"the (loss|norm of the gradient) is (nan|inf) at step \d+.*learning_rate"
    with pytest.raises(FloatingPointError, match=sentence):
        train(config, Console(quiet=True))
    assert CheckpointManager(Path(config.run_dir) / "checkpoints").latest() is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"family": "llama", "qk_norm": True}, "A llama config.json cannot say qk_norm=True"),
        ({"family": "gpt"}, "Models of type 'gpt' are not supported"),
        ({"num_kv_heads": 0}, "num_kv_heads is 0: it is at least 1"),
        ({"head_dim": 7}, "head_dim is 7"),
    ],
)
def test_a_model_that_cannot_be_is_refused_before_training_and_mended_in_the_same_folder(
    config, change, sentence
):
    right = config.model.init.to_dict()
    config.model.init.update(change)
    config.steps = 1
    with pytest.raises(BadSetting, match=f"config.model.init: {sentence}"):
        train(config, Console(quiet=True))
    config.model.init.update(right)
    assert train(config, Console(quiet=True)).is_dir()


def test_a_tokenizer_of_rows_that_were_refused_is_made_anew(config, tmp_path, trajectories):
    config.tokenizer, config.tokenizer_vocab, config.steps, config.data.sequence_length = "", 600, 1, 8
    with pytest.raises(BadSetting, match="no row to train on"):
        train(config, Console(quiet=True))
    config.tokenizer_vocab, config.data.sequence_length = 320, 256
    assert Tokenizer(train(config, Console(quiet=True))).vocab_size == 320


def test_a_tokenizer_that_a_run_has_lost_is_made_again(config):
    config.tokenizer, config.tokenizer_vocab, config.steps = "", 320, 1
    first, run = train(config, Console(quiet=True)), Path(config.run_dir)
    weights = (first / "model.safetensors").read_bytes()
    (run / "final.json").unlink()
    for name in ("tokenizer", "checkpoints", "hf"):
        shutil.rmtree(run / name)
    assert (train(config, Console(quiet=True)) / "model.safetensors").read_bytes() == weights


def test_what_no_run_has_made_is_not_replaced_by_a_tokenizer(config):
    config.tokenizer, config.tokenizer_vocab, config.steps = "", 320, 1
    theirs = Path(config.run_dir, "tokenizer", "notes.txt")
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(BadSetting, match=r"tokenizer holds notes\.txt, and a tokenizer of the rows would"):
        train(config, Console(quiet=True))
    assert theirs.read_text() == "mine"


def test_one_row_is_enough_to_train_on(config, tmp_path, trajectories):
    config.data.path, config.steps = str(tmp_path / "one.jsonl"), 3
    write_records(config.data.path, trajectories[:1])
    train(config, Console(quiet=True))
    assert [record["tokens"] > 0 for record in read_metrics(config.run_dir)] == [True] * 3


def test_a_run_that_could_not_save_goes_on_once_there_is_room(config, tmp_path, monkeypatch):
    config.steps, config.checkpoint_every = 6, 2
    undisturbed = train(config, Console(quiet=True))
    config.run_dir = str(tmp_path / "full")
    first, room = tmp_path / "full" / "checkpoints" / "2", shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        full = SimpleNamespace(free=10)
        patch.setattr(shutil, "disk_usage", lambda path: full if first.exists() else room)
        with pytest.raises(SaveFailed, match=r"step 4 was not saved: it needs .* and 10 are free"):
            train(config, Console(quiet=True))
    assert CheckpointManager(tmp_path / "full" / "checkpoints").steps() == [2]
    exported = train(config, Console(quiet=True))
    assert (exported / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    assert [record["step"] for record in read_metrics(config.run_dir)] == list(range(1, 7))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"run_dir": ""}, "config.run_dir is empty"),
        ({"tokenizer": "", "tokenizer_vocab": 0}, "tokenizer .or model.path. is empty"),
        ({"preset": "qwen3_8b"}, "preset is 'qwen3_8b', a shape for plans: a run needs config.model.path"),
        ({"epochs": 1}, "steps is 16 and config.epochs 1: exactly one"),
        ({"chat_format": "chatlm"}, "chat_format is 'chatlm'; known: qwen3, chatml"),
        ({"log_every": 0}, "log_every is 0: it is at least 1"),
        ({"steps": -1, "epochs": 2}, "steps is -1: it is at least 0"),
        ({"batch_rows": 0}, "batch_rows is 0: it is at least 1"),
        ({"data": {"window": 0}}, "data.window is 0: it is at least 1"),
        (
            {"eval": {"arenas": "x", "engine": {"slots": 0}}},
            "config.eval.engine.slots is 0: it is at least 1",
        ),
        (
            {"eval": {"arenas": "x", "limits": {"max_turns": 0}}},
            "config.eval.limits.max_turns is 0: it is at",
        ),
        ({"eval": {"temperature": -1.0}}, "eval.temperature is -1.0: it is at least 0"),
        ({"optimizer": {"name": "adam"}}, "optimizer.name is 'adam'; known: adamw, adafactor, muon"),
        ({"lora": {"weights": "nf4"}}, "lora.weights is 'nf4' and config.lora.rank 0: without adapters all"),
        ({"model": {"compute_dtype": "bf16"}}, "model.compute_dtype is 'bf16'; known: float32, bfloat16"),
        ({"micro_batches": 3}, "batch_rows is 2: it does not divide into 3"),
        ({"data": {"too_long": "dropp"}}, "data.too_long is 'dropp'; known: drop, truncate"),
        ({"keep_best": 1}, "keep_best is 1: without config.eval.path"),
        (
            {"eval": {"path": "x", "every": 0}},
            "eval.every is 0, and config.eval.path is given: it is at least 1",
        ),
        ({"thinking": "drop", "eval": {"arenas": "x"}}, "thinking is 'drop', which episodes cannot follow"),
        ({"thinking": "of"}, "thinking is 'of'; known: keep, drop, off"),
        ({"data": {"bad_rows": "skp"}}, "data.bad_rows is 'skp'; known: stop, skip"),
        ({"model": {"start": "x"}}, "model.start is 'x'; known: noise, induction"),
        (
            {"model": {"remat": "ful"}},
            "model.remat is 'ful'; known: none, products, projections, attention, full, offload",
        ),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said_by_field(config, change, sentence):
    config.update(change)
    with pytest.raises(BadSetting, match=sentence):
        train(config, Console(quiet=True))
    assert not Path(config.run_dir, "data.json").exists()
