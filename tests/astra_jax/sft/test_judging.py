import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from rich.console import Console

from astra_jax import configuration
from astra_jax.checkpoints.hf import import_model
from astra_jax.models import Transformer
from astra_jax.sft.held_out import HeldOut
from astra_jax.sft.mixture import load_held_out, packing_of
from astra_jax.sft.playing import Playing
from astra_jax.sft.step import loss_of
from astra_jax.sft.train import train
from astra_jax.sharding import make_mesh
from astra_jax.tokens import Tokenizer
from astra_jax.training.metrics import read_metrics
from astra_jax.training.run_model import load_run_model
from astra_jax.training.settings import BadSetting
from astra_jax.training.state import split_model, split_trained
from data_synthesis.records import write_records

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path, trajectories, tokenizer_dir, compiled_dir):
    config = configuration.load(ROOT / "configs" / "sft" / "nano.py")
    write_records(tmp_path / "rows.jsonl", trajectories[:30])
    write_records(tmp_path / "held_out.jsonl", trajectories[30:])
    config.run_dir, config.data.path = str(tmp_path / "run"), str(tmp_path / "rows.jsonl")
    config.tokenizer = str(tokenizer_dir)
    config.model.init.update(
        hidden_size=16, ffn_size=32, num_layers=2, num_heads=2, num_kv_heads=1, head_dim=8
    )
    config.data.sequence_length, config.data.window, config.batch_rows = 256, 16, 2
    config.steps, config.epochs, config.checkpoint_every = 5, 0, 3
    config.optimizer.update(name="adamw", learning_rate=1e-2)
    return config


def held_out_loss(config, model: Transformer) -> float:
    graph, params, frozen = split_trained(model)
    tokenizer = Tokenizer(config.tokenizer)
    rows = load_held_out(config, Path(config.run_dir) / "rows", tokenizer, Console(quiet=True))
    loss = loss_of(config, model, ())
    return HeldOut(rows, packing_of(config), loss, graph, frozen, make_mesh())(params)["held_out/loss"]


def test_a_look_at_held_out_rows_changes_nothing_and_the_best_weights_stay(config, tmp_path):
    plain = train(config, Console(quiet=True))
    config.run_dir = str(tmp_path / "judged")
    config.eval.path, config.eval.every = str(tmp_path / "held_out.jsonl"), 2
    config.keep_best, config.weights_every, config.save_in_background = 1, 3, True
    judged = train(config, Console(quiet=True))
    assert (judged / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()
    looks = {r["step"]: r["held_out/loss"] for r in read_metrics(config.run_dir) if "held_out/loss" in r}
    assert list(looks) == [2, 4, 5]
    assert looks[5] == pytest.approx(held_out_loss(config, import_model(judged)), rel=1e-6)
    best = min(looks, key=looks.__getitem__)
    folder = Path(config.run_dir, "weights")
    kept = {path.name for path in folder.iterdir()}
    assert kept == {"3", str(best)} == {"3", "5"}

    of_checkpoint = load_run_model(config.run_dir, 3)
    shutil.rmtree(folder.with_name("checkpoints") / "3")
    of_weights = load_run_model(config.run_dir, 3)
    same = jax.tree.map(np.array_equal, split_model(of_checkpoint.model)[1], split_model(of_weights.model)[1])
    assert all(jax.tree.leaves(same))

    # As a kill leaves it that comes after the last checkpoint, and before the weights of its step.
    (folder / "5").rename(folder / "5.orbax-checkpoint-tmp")
    Path(config.run_dir, "final.json").unlink()
    assert load_run_model(config.run_dir).step == 5
    train(config, Console(quiet=True))
    assert {path.name for path in folder.iterdir()} == kept


def test_arenas_are_played_by_the_weights_that_are_trained(small, policy, config):
    write = Path(config.run_dir).with_name("arenas.jsonl")
    write_records(write, small.arenas[:2])
    config.eval.arenas, config.eval.temperature = str(write), 0.0
    config.eval.engine.update(slots=2, context=512, prefill_rows=2, prefill_tokens=64)
    config.eval.limits.update(max_turns=3, max_turn_tokens=48, max_tokens=256)
    found = Playing(config, small.tokenizer)(import_model(policy))
    assert found["arenas/unknown"] == 0
    assert 0 < found["arenas/turns"] <= 3
    assert found["arenas/calls"] > 0
    assert 0 <= found["arenas/f1"] <= 1
    write.write_text("")
    with pytest.raises(BadSetting, match="holds no arena"):
        Playing(config, small.tokenizer)


def test_a_run_goes_on_where_no_arena_got_a_score(small, config):
    config.eval.arenas = str(Path(config.run_dir).with_name("arenas.jsonl"))
    write_records(config.eval.arenas, small.arenas[:2])
    config.steps, config.eval.arenas_every = 2, 1
    config.eval.engine.update(
        slots=2, context=32, prefill_rows=2, prefill_tokens=16
    )  # shorter than any prompt
    train(config, Console(quiet=True))
    looks = read_metrics(config.run_dir)
    assert [(look["arenas/f1"], look["arenas/unknown"]) for look in looks] == [(None, 2)] * 2
