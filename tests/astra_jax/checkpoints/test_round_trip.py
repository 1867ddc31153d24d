"""Import then export gives the same tensors bit for bit; what is wrong with a checkpoint is said by name."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import jax
import ml_dtypes
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file, save_file

from astra_jax.checkpoints import fill, safetensors_dir
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import export_model, import_model, load_config
from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.families import UnsupportedModel

TINY = ModelConfig(
    family="qwen3",
    vocab_size=40,
    hidden_size=16,
    ffn_size=24,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=6,
    qk_norm=True,
)


@pytest.fixture
def exported(tokenizer_dir, tmp_path):
    model = Transformer(TINY, rngs=nnx.Rngs(0))
    return export_model(model, tmp_path / "model", tokenizer_dir=tokenizer_dir)


def load_tensors(directory):
    return {k: v for path in directory.glob("*.safetensors") for k, v in load_file(path).items()}


def same_bits(a, b):
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("torch_model", ["qwen3", "llama-biases", "llama-tied"], indirect=True)
def test_import_then_export_is_bit_identical(torch_model, dtype, tokenizer_dir, tmp_path):
    import torch

    source = tmp_path / "source"
    torch_model.to(getattr(torch, dtype)).save_pretrained(source)
    for name, model in {
        "through float32": import_model(source),
        "as stored": import_model(source, param_dtype=None),
    }.items():
        out = export_model(model, tmp_path / name, tokenizer_dir=tokenizer_dir, dtype=dtype)
        assert same_bits(load_tensors(out), load_tensors(source))


def test_many_files_hold_what_one_holds(exported, tokenizer_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors_dir, "SHARD_BYTES", 4000)
    many = export_model(import_model(exported), tmp_path / "many", tokenizer_dir=tokenizer_dir)
    assert len(list(many.glob("model-*-of-*.safetensors"))) > 2
    assert same_bits(load_tensors(many), load_tensors(exported))
    again = import_model(many)
    jax.tree.map(np.testing.assert_array_equal, nnx.state(again), nnx.state(import_model(exported)))


def test_configuration_survives_and_carries_both_spellings(exported):
    assert load_config(exported) == TINY
    written = json.loads((exported / "config.json").read_text())
    assert written["rope_theta"] == written["rope_parameters"]["rope_theta"]
    assert written["torch_dtype"] == written["dtype"] == "float32"
    assert written["eos_token_id"] == 1
    for spelling in ("rope_theta", "rope_parameters"):
        one = {k: v for k, v in written.items() if k != spelling} | {"rope_scaling": None}
        (exported / "config.json").write_text(json.dumps(one))
        assert load_config(exported) == TINY


def test_tokenizer_and_template_come_along(exported, tokenizer_dir):
    transformers = pytest.importorskip("transformers")
    settings = json.loads((exported / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast"
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    assert tokenizer.apply_chat_template([{"role": "user", "content": "w5 w7"}])["input_ids"] == [5, 7]
    assert json.loads((exported / "generation_config.json").read_text())["eos_token_id"] == 1


@pytest.mark.parametrize(
    "own",
    [
        {"chat_template.jinja": "its own", "tokenizer_config.json": '{"chat_template": "its own"}'},
        {"tokenizer_config.json": '{"chat_template": [{"name": "default", "template": "its own"}]}'},
    ],
    ids=["twice", "in a list"],
)
def test_the_template_that_is_given_replaces_the_sources(exported, tokenizer_dir, tmp_path, own):
    (tokenizer_dir / "chat_template.jinja").unlink()
    for name, text in own.items():
        (tokenizer_dir / name).write_text(text)
    out = export_model(
        import_model(exported), tmp_path / "out", tokenizer_dir=tokenizer_dir, chat_template="ours"
    )
    assert (out / "chat_template.jinja").read_text() == "ours"
    assert json.loads((out / "tokenizer_config.json").read_text())["chat_template"] == "ours"


def change(directory, edit):
    path = directory / "model.safetensors"
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


UP = "model.layers.1.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.pop(UP), rf"{UP} of shape \(24, 16\) is missing"),
        (lambda t: t.update({UP: np.zeros((24, 8), np.float32)}), rf"{UP} has shape \(24, 8\).*\(24, 16\)"),
        (
            lambda t: t.update({"model.layers.2.x": np.zeros(3, np.float32)}),
            r"model\.layers\.2\.x of shape \(3,\)",
        ),
        (lambda t: t.update({k: v.astype(np.int8) for k, v in t.items()}), "is I8"),
    ],
    ids=["missing", "wrong shape", "unexpected", "integers"],
)
@pytest.mark.parametrize("dtype", [None, "float32"])
def test_a_wrong_tensor_is_named(exported, edit, message, dtype):
    change(exported, edit)
    with pytest.raises(CheckpointError, match=message):
        import_model(exported, param_dtype=dtype)


def test_a_checkpoint_of_another_family_is_refused_with_tensors_of_both(exported):
    change(exported, lambda t: [t.update({k.replace("self_attn", "attn"): t.pop(k)}) for k in [*t]])
    with pytest.raises(CheckpointError) as error:
        import_model(exported)
    assert re.fullmatch(
        rf"{exported}: its config.json describes a qwen3 model, and its tensors are another's: 12 of 24 are missing, "
        r"such as model\.layers\.0\.self_attn\.\S+ of shape \(.*\), and 12 have no place, such as "
        r"model\.layers\.0\.attn\.\S+ of shape \(.*\)\.",
        str(error.value),
    )


def test_a_file_that_the_index_names_must_be_there(exported, tokenizer_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors_dir, "SHARD_BYTES", 4000)
    many = export_model(import_model(exported), tmp_path / "many", tokenizer_dir=tokenizer_dir)
    first = sorted(many.glob("*.safetensors"))[0]
    first.unlink()
    with pytest.raises(CheckpointError, match=rf"{first} is missing: the index names it"):
        import_model(many)
    (many / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(CheckpointError, match="it is no index of safetensors files"):
        import_model(many)


def test_no_value_changes_where_tensors_differ_in_type(exported):
    odd = np.float32(1 / 3)
    change(exported, lambda t: t.update({k: v.astype(ml_dtypes.bfloat16) for k, v in t.items()}))
    change(exported, lambda t: t.update({"model.norm.weight": np.full(16, odd)}))
    model = import_model(exported, param_dtype=None)
    assert model.config.param_dtype == "float32"
    assert (model.final_norm.scale.get_value() == odd).all()


@pytest.mark.parametrize("piece_bytes", [fill.PIECE_BYTES, 100])
def test_every_bfloat16_number_survives_float32(exported, tokenizer_dir, tmp_path, monkeypatch, piece_bytes):
    monkeypatch.setattr(fill, "PIECE_BYTES", piece_bytes)
    numbers = (
        np.arange(40 * 16, dtype=np.uint16) * 7
    )  # from the smallest on, none of them infinite or no number
    numbers = np.concatenate([numbers[:320], numbers[320:] | 0x8000]).view(ml_dtypes.bfloat16)
    change(exported, lambda t: t.update({"model.embed_tokens.weight": numbers.reshape(40, 16)}))
    out = export_model(
        import_model(exported), tmp_path / "out", tokenizer_dir=tokenizer_dir, dtype="bfloat16"
    )
    assert load_tensors(out)["model.embed_tokens.weight"].tobytes() == numbers.tobytes()


def test_a_truncated_file_is_named(exported):
    path = exported / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged or truncated"):
        import_model(exported)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mamba"}, "'mamba' are not supported; those of llama, qwen2, qwen3"),
        ({"rope_parameters": {"rope_type": "longrope", "rope_theta": 1.0}}, "rope scaling 'longrope'"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1.0}}, "lacks 'factor'"),
        ({"layer_types": ["linear_attention"] * 3}, "layers of type 'linear_attention'"),
        ({"hidden_act": "gelu"}, "hidden activation 'gelu'"),
        ({"num_key_value_heads": 3}, "num_kv_heads 3"),
    ],
)
def test_an_unsupported_model_is_refused_by_name(exported, change, message):
    written = json.loads((exported / "config.json").read_text())
    (exported / "config.json").write_text(json.dumps(written | change))
    with pytest.raises(ValueError, match=message):
        import_model(exported)


def test_a_model_that_its_family_cannot_describe_is_not_exported(tokenizer_dir, tmp_path):
    odd = Transformer(dataclasses.replace(TINY, qk_norm=False), rngs=nnx.Rngs(0))
    with pytest.raises(UnsupportedModel, match=r"qwen3 config\.json cannot say qk_norm=False"):
        export_model(odd, tmp_path / "odd", tokenizer_dir=tokenizer_dir)
    assert not (tmp_path / "odd").exists()


def test_an_export_appears_whole_or_not_at_all(exported, tokenizer_dir, tmp_path, monkeypatch):
    model = import_model(exported)
    with pytest.raises(FileExistsError, match="remove it or choose another"):
        export_model(model, exported, tokenizer_dir=tokenizer_dir)
    before = sorted(tmp_path.iterdir())

    def full_disk(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(shutil, "copyfile", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export_model(model, tmp_path / "second", tokenizer_dir=tokenizer_dir)
    assert sorted(tmp_path.iterdir()) == before


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(
    exported, tokenizer_dir, tmp_path, monkeypatch
):
    model = import_model(exported)
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2000, 1000, 1000))
    with pytest.raises(CheckpointError, match=r"second needs [\d,]{5,} bytes, and .* has 1,000 free\.$"):
        export_model(model, tmp_path / "new" / "second", tokenizer_dir=tokenizer_dir)
    assert sorted(tmp_path.iterdir()) == before


def test_progress_counts_bytes_to_the_last(exported, tokenizer_dir, tmp_path):
    told = []
    model = import_model(exported, progress=lambda done, of: told.append((done, of)))
    sizes = sum(tensor.nbytes for tensor in load_tensors(exported).values())
    assert told == sorted(told)
    assert told[-1] == (sizes, sizes)
    told.clear()
    export_model(
        model,
        tmp_path / "out",
        tokenizer_dir=tokenizer_dir,
        progress=lambda done, of: told.append((done, of)),
    )
    assert told[-1] == (sizes, sizes)


def test_bfloat16_parameters_stay_bfloat16(exported, tokenizer_dir, tmp_path):
    half = export_model(
        import_model(exported), tmp_path / "half", tokenizer_dir=tokenizer_dir, dtype="bfloat16"
    )
    model = import_model(half, param_dtype=None)
    assert model.config.param_dtype == "bfloat16"
    assert {t.dtype for t in load_tensors(half).values()} == {np.dtype(ml_dtypes.bfloat16)}
