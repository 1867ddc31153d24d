"""Orbax folders are models as Hugging Face directories are; what is wrong with one is named."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints import new_directory
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.checkpoints.parameters import PARAMETERS, read_parameters, save_parameters
from astra_jax.models import ModelConfig, Transformer
from astra_jax.sharding import make_mesh

SIZES = {"vocab_size": 40, "hidden_size": 16, "ffn_size": 24, "num_layers": 2, "num_heads": 4}
TINY = ModelConfig(**SIZES, family="qwen3", num_kv_heads=2, head_dim=6, qk_norm=True, param_dtype="bfloat16")


@pytest.fixture
def source(tokenizer_dir, tmp_path):
    model = Transformer(TINY, rngs=nnx.Rngs(0))
    return export_model(model, tmp_path / "source", tokenizer_dir=tokenizer_dir)


@pytest.fixture
def folder(source, tmp_path):
    return save_parameters(import_model(source, param_dtype=None), tmp_path / "orbax", source=source)


def test_an_orbax_folder_gives_the_model_and_the_directory_back(source, folder, tmp_path):
    again = import_model(folder, param_dtype=None, mesh=make_mesh())
    assert again.config == TINY
    assert again.embedding.get_value().sharding.mesh.shape["data"] == len(jax.devices())
    out = export_model(again, tmp_path / "out", tokenizer_dir=folder)
    for path in source.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def test_parameters_are_restored_in_another_type(source, folder):
    wide, direct = import_model(folder), import_model(source)
    assert wide.config.param_dtype == "float32"
    jax.tree.map(np.testing.assert_array_equal, nnx.state(wide), nnx.state(direct))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"hidden_size": 32},
            r"parameter embedding has shape \(40, 16\); the configuration needs \(40, 32\)",
        ),
        ({"tie_embeddings": False}, r"parameter unembedding of shape \(40, 16\) is missing"),
        ({"qk_norm": False}, r"2 parameters have no place .* layers\.attention\.key_norm\.scale of shape"),
    ],
)
def test_a_wrong_parameter_is_named(folder, change, message):
    other = ModelConfig(
        **SIZES | {"family": "qwen3", "num_kv_heads": 2, "head_dim": 6, "qk_norm": True} | change
    )
    with pytest.raises(CheckpointError, match=message):
        read_parameters(folder / PARAMETERS, other)


def test_a_damaged_folder_is_one_sentence(folder):
    for path in (folder / PARAMETERS).iterdir():
        if path.is_file():
            path.unlink()
    with pytest.raises(
        CheckpointError, match=rf"{folder / PARAMETERS} holds no parameters that Orbax can read"
    ):
        import_model(folder)


def test_a_folder_appears_whole_or_not_at_all(source, folder, tmp_path, monkeypatch):
    model, before = import_model(source), sorted(tmp_path.iterdir())
    with pytest.raises(FileExistsError, match="remove it or choose another"):
        save_parameters(model, folder, source=source)
    usage = new_directory.shutil._ntuple_diskusage(2000, 1000, 1000)
    monkeypatch.setattr(new_directory.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CheckpointError, match="has 1,000 free"):
        save_parameters(model, tmp_path / "new", source=source)
    assert sorted(tmp_path.iterdir()) == before
