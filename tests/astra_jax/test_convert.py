"""`astra convert`: what comes in goes out again, from runs and folders; the check has an exit status."""

from __future__ import annotations

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from safetensors.numpy import load_file

from astra_jax import cli
from astra_jax.checkpoints import parity
from astra_jax.checkpoints.hf import import_model
from astra_jax.tokens import FORMATS, Tokenizer
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.state import TrainState, split_model


def tensors(directory):
    return load_file(directory / "model.safetensors")


@pytest.fixture
def run(policy, tmp_path):
    """The folder of an RL run that has saved two steps: all weights times 1, and times 2."""
    folder = tmp_path / "run"
    manager = CheckpointManager(folder / "checkpoints")
    params = split_model(import_model(policy))[1]
    for step in (1, 2):
        scaled = jax.tree.map(lambda x: x * step, params)  # noqa: B023
        manager.save(TrainState(jnp.int32(step), scaled, optax.adam(1e-3).init(params)))
    manager.close()
    config = {"model": str(policy), "chat_format": "qwen3", "tokenizer": ""}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_directory_goes_through_an_orbax_folder_unchanged(policy, tmp_path, capsys):
    folder, out = tmp_path / "orbax", tmp_path / "out"
    assert cli.main(["convert", "import", str(policy), str(folder)]) == 0
    assert cli.main(["convert", "export", str(folder), str(out)]) == 0
    assert (out / "model.safetensors").read_bytes() == (policy / "model.safetensors").read_bytes()
    printed = "".join(capsys.readouterr().out.split())
    assert f"Orbaxfolder:{folder}" in printed
    assert f"HuggingFacedirectory:{out}" in printed


@pytest.mark.parametrize(("options", "times"), [([], 2), (["--step", "1"], 1)])
def test_a_step_of_a_run_is_exported_with_its_chat_format(run, policy, tmp_path, options, times):
    out = tmp_path / "out"
    assert cli.main(["convert", "export", str(run), str(out), "--dtype", "bfloat16", *options]) == 0
    before, after = tensors(policy), tensors(out)
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], (values * times).astype(jnp.bfloat16))
    template = FORMATS["qwen3"].template_for(Tokenizer(policy))
    assert (out / "chat_template.jinja").read_text() == template


def test_a_run_that_drew_its_model_is_exported_by_its_own_sizes(run, policy, tmp_path):
    shape = import_model(policy).config
    names = ["family", "hidden_size", "ffn_size", "num_layers", "num_heads", "num_kv_heads", "head_dim"]
    names += ["qk_norm", "rope_theta"]
    init = {name: getattr(shape, name) for name in names}
    config = {"model": {"path": "", "init": init}, "chat_format": "chatml", "tokenizer": str(policy)}
    (run / "config.json").write_text(json.dumps(config))
    assert cli.main(["convert", "export", str(run), str(tmp_path / "out"), "--step", "1"]) == 0
    exported = import_model(tmp_path / "out")
    jax.tree.map(np.testing.assert_array_equal, nnx.state(exported), nnx.state(import_model(policy)))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("export {run} {tmp}/out --step 3", "no checkpoint of step 3 in .*; steps: [1, 2]"),
        ("export {tmp} {tmp}/out", "config.json is missing: is this a Hugging Face model directory?"),
        ("export {tmp}/other {tmp}/out", "other is not the folder of an SFT or RL run."),
        ("export {run} {run}", "exists: remove it or choose another name."),
        ("import {run} {tmp}/out", "are not supported; those of"),
        ("import {tmp}/no {tmp}/out", "no/config.json is missing: is this a Hugging Face model directory?"),
        ("check {tmp}/no", "no/config.json is missing: is this a Hugging Face model directory?"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(run, tmp_path, capsys, command, sentence):
    (tmp_path / "other" / "checkpoints").mkdir(parents=True)
    before = sorted(tmp_path.iterdir())
    assert cli.main(["convert", *command.format(run=run, tmp=tmp_path).split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith("astra: ")
    assert error.count("\n") == 1
    assert all(part in error for part in sentence.split(".*"))
    assert sorted(tmp_path.iterdir()) == before


def test_a_start_that_has_moved_can_be_given(run, policy, tmp_path):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"model": str(tmp_path / "gone")}))
    command = ["convert", "export", str(run), str(tmp_path / "out")]
    assert cli.main(command) == 2
    assert cli.main([*command, "--start", str(policy)]) == 0


def test_the_check_agrees_with_transformers_or_fails(policy, capsys):
    pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
    assert cli.main(["convert", "check", str(policy)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "random tokens: 128 tokens, largest difference" in printed
    assert "a text:" in printed
    assert ": the tolerance is 0.001 of the largest logit" in printed
    assert cli.main(["convert", "check", str(policy), "--tolerance", "0"]) == 1
    assert "DOES NOT AGREE" in capsys.readouterr().out


def test_logits_that_are_no_numbers_never_agree():
    nothing = np.full((3, 4), np.nan, np.float32)
    assert not parity._agreement("x", nothing, np.ones((3, 4), np.float32)).within(1.0)


def test_the_check_says_what_is_not_installed(policy, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cli.main(["convert", "check", str(policy)]) == 2
    assert "torch is not installed: `pip install astra-jax[eval]`" in capsys.readouterr().err
