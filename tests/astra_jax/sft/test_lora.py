import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from peft import PeftModel
from rich.console import Console
from transformers import AutoModelForCausalLM

from astra_jax import cli, configuration
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.low_rank import attach, merge
from astra_jax.models.parameter import named_parameters
from astra_jax.planning.programs import build, lowered
from astra_jax.sft.lora import abstract, freeze
from astra_jax.sft.model import load_model
from astra_jax.sft.train import train
from astra_jax.sharding import MESH_AXES, make_mesh
from astra_jax.tokens import Tokenizer
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.flops import train_flops
from astra_jax.training.metrics import read_metrics
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.run_model import load_run_model
from astra_jax.training.settings import BadSetting
from astra_jax.training.state import (
    TrainState,
    abstract_frozen,
    join_model,
    place,
    split_trained,
    with_config,
)

pytestmark = pytest.mark.usefixtures("compile_quickly")
ROOT = Path(__file__).parents[3]
TOKENS = np.arange(3, 27).reshape(2, 12)


@pytest.fixture(scope="module")
def base(tokenizer_dir, tmp_path_factory) -> Path:
    """A tiny Qwen3, as a Hugging Face directory."""
    shape = ModelConfig(
        family="qwen3",
        vocab_size=Tokenizer(tokenizer_dir).vocab_size,
        hidden_size=16,
        ffn_size=32,
        num_layers=2,
        num_heads=2,
        num_kv_heads=1,
        head_dim=8,
        qk_norm=True,
        init_std=0.2,
    )
    path = tmp_path_factory.mktemp("base") / "hf"
    return export_model(Transformer(shape, rngs=nnx.Rngs(0)), path, tokenizer_dir=tokenizer_dir)


@pytest.fixture
def config(tmp_path, data_path, base, compiled_dir):
    config = configuration.load(ROOT / "configs" / "sft" / "nano.py")
    config.run_dir, config.data.path, config.model.path = str(tmp_path / "run"), str(data_path), str(base)
    config.data.sequence_length, config.data.window, config.batch_rows = 256, 16, 2
    config.steps, config.epochs = 6, 0
    config.optimizer.update(name="adamw", learning_rate=1e-2)
    config.lora.update(rank=4, tile=8)
    return config


@nnx.jit
def _logits(model: Transformer) -> jax.Array:
    positions = jnp.broadcast_to(jnp.arange(TOKENS.shape[1]), TOKENS.shape)
    return model.logits(model(jnp.asarray(TOKENS), positions, jnp.ones(TOKENS.shape, jnp.int32)))


def logits(model: Transformer) -> np.ndarray:
    return np.asarray(_logits(model))


def drawn(model: Transformer) -> Transformer:
    """With adapters that do something."""
    graph, params, frozen = split_trained(model)
    keys = iter(jax.random.split(jax.random.key(1), 99))
    return join_model(
        graph, jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), params), frozen
    )


def test_a_run_trains_adapters_only_and_peft_loads_them(config, base):
    config.lora.export, config.checkpoint_every = "adapter", 3
    adapter = train(config, Console(quiet=True))
    losses = [record["loss"] for record in read_metrics(config.run_dir)]
    assert losses[-1] < losses[0]
    saved = CheckpointManager(Path(config.run_dir) / "checkpoints")
    arrays = json.loads((saved.directory / "6" / "rest" / "metadata").read_text())["arrays"]
    weights = [name for name in arrays if name.startswith("params")]
    assert weights
    assert all("/low_rank/" in name for name in weights)
    with pytest.raises(CheckpointError, match="trains adapters"):
        load_run_model(config.run_dir)
    again, earlier = (Path(config.run_dir) / name for name in ("again", "earlier"))
    assert cli.main(["convert", "export", config.run_dir, str(again)]) == 0
    assert cli.main(["convert", "export", config.run_dir, str(earlier), "--step", "3"]) == 0
    of_6, of_6_again, of_3 = (
        (path / "adapter_model.safetensors").read_bytes() for path in (adapter, again, earlier)
    )
    assert of_6_again == of_6
    assert of_3 != of_6

    model = import_model(base)
    freeze(config, model, make_mesh())
    graph, params, frozen = split_trained(model)
    trained = join_model(graph, last_checkpoint(config, model, params), frozen)
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    with torch.no_grad():
        expected = theirs(torch.tensor(TOKENS)).logits.numpy()
    np.testing.assert_allclose(logits(trained), expected, atol=2e-5)
    assert np.abs(logits(import_model(base)) - expected).max() > 0.01


def last_checkpoint(config, model, params):
    """The adapters of the run's last checkpoint."""
    optimizer = make_optimizer(OptimizerConfig(**config.optimizer), config.steps, model)
    like = place(TrainState.create(params, optimizer.transform), make_mesh())
    return CheckpointManager(Path(config.run_dir) / "checkpoints").restore(like).state.params


def test_merged_weights_give_the_logits_of_weights_and_adapters(base, tmp_path, tokenizer_dir):
    model = import_model(base)
    plain = logits(model)
    attach(model, 4, 8.0, ".*", seed=0)
    np.testing.assert_allclose(logits(model), plain, atol=2e-5)
    model = drawn(model)
    expected = logits(model)
    merge(model)
    exported = export_model(model, tmp_path / "merged", tokenizer_dir=tokenizer_dir)
    np.testing.assert_allclose(logits(import_model(exported)), expected, atol=2e-5)
    assert np.abs(expected - plain).max() > 0.1


def test_frozen_weights_may_be_kept_in_few_bits(config, base):
    config.lora.weights = "nf4"
    model = import_model(base)
    exact = logits(model)
    freeze(config, model, make_mesh())
    _, params, frozen = split_trained(model)
    kept = frozen["layers"]["ffn"]["up"]["weight"].qvalue
    assert kept.dtype == jnp.uint4
    model = drawn(model)
    expected = logits(model)
    merge(model)
    np.testing.assert_allclose(logits(model), expected, atol=2e-5)
    assert np.abs(exact - expected).max() > 0.01
    assert all(
        "low_rank" in jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)
    )


@pytest.mark.slow
def test_a_run_over_few_bits_learns(config):
    config.lora.weights, config.steps = "nf4", 4
    config.lora.targets = "attention/(query|output)"
    exported = train(config, Console(quiet=True))
    losses = [record["loss"] for record in read_metrics(config.run_dir)]
    assert losses[-1] < losses[0]
    assert import_model(exported).config.num_layers == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lora": {"weights": "int3"}}, "lora.weights is 'int3'; known: as is, int8, int4, nf4"),
        ({"lora": {"export": "both"}}, "lora.export is 'both'; known: merged, adapter"),
        ({"lora": {"rank": -1}}, "lora.rank is -1: it is at least 0"),
        ({"lora": {"tile": 0}}, "lora.tile is 0: it is at least 1"),
        ({"lora": {"targets": "("}}, "lora.targets is '.', no regular expression"),
        ({"lora": {"targets": "mlp"}}, "lora.targets is 'mlp', which matches none of: attention/key, "),
        (
            {"lora": {"weights": "int8", "tile": 7}},
            "lora.tile is 7: the 16 inputs of attention/key do not divide",
        ),
        ({"optimizer": {"name": "muon"}}, "adapters are trained by adamw"),
        (
            {"lora": {"export": "adapter"}, "model": {"path": ""}, "tokenizer_vocab": 400},
            "model.path is empty",
        ),
    ],
)
def test_what_is_wrong_with_adapters_is_said(config, change, sentence):
    config.update(change)
    with pytest.raises(BadSetting, match=sentence):
        train(config, Console(quiet=True))


def test_merged_weights_are_of_one_type_again(config, base):
    model = import_model(base)
    model = with_config(model, replace(model.config, compute_dtype="bfloat16"))
    freeze(config, model, make_mesh())
    assert model.embedding.dtype == jnp.bfloat16
    merge(model)
    assert {str(p.dtype) for _, p in named_parameters(model)} == {"float32"}


def test_frozen_weights_in_few_bits_and_their_scales_lie_as_the_weight_would(config, base):
    config.lora.weights = "int8"
    model = abstract(config, import_model(base).config)
    sizes = {axis: 2 if axis == "fsdp" else 1 for axis in MESH_AXES}
    mesh = jax.sharding.AbstractMesh(tuple(sizes.values()), tuple(sizes))
    kept = abstract_frozen(model, mesh)["layers"]["ffn"]["up"]["weight"]
    _, hidden, ffn = kept.qvalue.shape
    assert kept.qvalue.sharding.shard_shape(kept.qvalue.shape)[1:] == (hidden // 2, ffn)
    assert kept.scale.sharding.shard_shape(kept.scale.shape)[1:] == (hidden // 8 // 2, ffn)


@pytest.mark.parametrize("kept", ["as is", "int8", "nf4"])
def test_a_plan_of_adapters_is_of_the_arrays_that_a_run_has(config, base, kept):
    config.lora.weights = kept
    program = build("sft", config, jax.devices())
    model = load_model(config, Tokenizer(base), make_mesh())
    freeze(config, model, make_mesh())
    _, adapters, frozen = split_trained(model)

    def kinds(tree):
        return jax.tree.map(lambda x: (x.shape, str(x.dtype)), tree)

    assert kinds(program.arguments["parameters"]) == kinds(adapters)
    assert kinds(program.arguments["frozen weights"]) == kinds(frozen)
    assert program.flops == train_flops(model, 2, 256) < 0.8 * train_flops(import_model(base), 2, 256)
    lowered(program)
