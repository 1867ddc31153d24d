"""Models from and to directories as Hugging Face's `transformers` and SGLang read them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh

from astra_jax.checkpoints.layout import parameter_tensors, read_parameter, tensor_names
from astra_jax.checkpoints.new_directory import new_directory
from astra_jax.checkpoints.safetensors_dir import CheckpointError, TensorReader, write_tensors
from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.families import UnsupportedModel, find_family, read_config, write_config
from astra_jax.models.parameter import named_parameters
from astra_jax.sharding import named_sharding

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
GENERATION_CONFIG = "generation_config.json"


def load_config(directory: str | Path) -> ModelConfig:
    """The configuration of a checkpoint, for float32 parameters and compute.

    Raises:
        CheckpointError: no readable `config.json`.
        UnsupportedModel: an unknown family, or a feature that is not implemented.
    """
    path = Path(directory) / "config.json"
    try:
        hf = json.loads(path.read_text())
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: is this a Hugging Face model directory?") from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path} is not JSON: {error}.") from None
    return read_config(find_family(hf.get("model_type")), hf)


def import_model(
    directory: str | Path, *, mesh: Mesh | None = None, param_dtype: str | None = "float32"
) -> Transformer:
    """The model of a checkpoint, its parameters laid out over `mesh` if one is given.

    Args:
        param_dtype: None keeps that of the checkpoint's first tensor.

    Raises:
        CheckpointError: a tensor is missing, unexpected or of another shape; a file is damaged.
        UnsupportedModel: as `load_config`.
        ShardingError: the model does not divide over the mesh.
    """
    directory = Path(directory)
    config = load_config(directory)
    with TensorReader(directory) as reader:
        dtype = param_dtype or reader.dtype(reader.names()[0])
        return _read_model(dataclasses.replace(config, param_dtype=dtype), reader, mesh)


def _read_model(config: ModelConfig, reader: TensorReader, mesh: Mesh | None) -> Transformer:
    family = find_family(config.family)
    model = nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0)))
    parameters = list(named_parameters(model))
    expected = {name for path, p in parameters for name in tensor_names(family, path, p)}
    _refuse_unexpected(reader, expected)
    for path, parameter in parameters:
        value = read_parameter(family, path, parameter, reader)
        place = mesh and named_sharding(mesh, parameter.axes, parameter.shape, name=path)
        parameter.set_value(jax.device_put(value, place))
    return model


def _refuse_unexpected(reader: TensorReader, expected: set[str]) -> None:
    # Buffers that old releases saved, and the copy of a tied embedding that some checkpoints carry.
    ignored = {n for n in reader.names() if n.endswith("rotary_emb.inv_freq") or n == "lm_head.weight"}
    unexpected = sorted(set(reader.names()) - expected - ignored)
    if unexpected:
        name = unexpected[0]
        raise CheckpointError(
            f"{reader.directory}: {len(unexpected)} tensors have no place in the model, such as {name} "
            f"of shape {reader.shape(name)}."
        )


def export_model(
    model: Transformer,
    out_dir: str | Path,
    *,
    tokenizer_dir: str | Path,
    chat_template: str | None = None,
    generation_config: Mapping[str, Any] | None = None,
    dtype: str | None = None,
) -> Path:
    """Writes a directory that `transformers` and SGLang load as it is; it appears complete or not at all.

    Args:
        tokenizer_dir: where the tokenizer's files are copied from.
        chat_template: Jinja, of the format that the model was trained on; None copies that of `tokenizer_dir`.
        generation_config: None copies that of `tokenizer_dir`, if there is one.
        dtype: of the written tensors, such as "bfloat16"; None is the parameters' own.

    Raises:
        CheckpointError: `tokenizer_dir` has no `tokenizer.json`.
        UnsupportedModel: the family's `config.json` cannot express the model.
        FileExistsError: `out_dir` is there already.
    """
    out_dir, tokenizer_dir = Path(out_dir), Path(tokenizer_dir)
    if not (tokenizer_dir / "tokenizer.json").exists():
        raise CheckpointError(f"{tokenizer_dir / 'tokenizer.json'} is missing: an export needs a tokenizer.")
    dtype = dtype or model.config.param_dtype
    config = _config_json(model.config, dtype)
    with new_directory(out_dir) as partial:
        generation = _write_generation_config(partial, tokenizer_dir, generation_config)
        special = {key: value for key, value in generation.items() if key.endswith("_token_id")}
        _write_json(partial / "config.json", config | special)
        _copy_tokenizer(tokenizer_dir, partial, chat_template)
        write_tensors(partial, _tensors(model, dtype))
    return out_dir


def _config_json(config: ModelConfig, dtype: str) -> dict[str, Any]:
    family = find_family(config.family)
    written = write_config(family, config, dtype)
    ours = dataclasses.asdict(config)
    for field, value in dataclasses.asdict(read_config(family, written)).items():
        if field not in ("param_dtype", "compute_dtype", "remat") and value != ours[field]:
            raise UnsupportedModel(
                f"A {config.family} config.json cannot say {field}={ours[field]!r}; it means {value!r}."
            )
    return written


def _tensors(model: Transformer, dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    family = find_family(model.config.family)
    for path, parameter in named_parameters(model):
        for name, tensor in parameter_tensors(family, path, parameter):
            yield name, tensor.astype(jnp.dtype(dtype))


def _write_generation_config(
    out_dir: Path, tokenizer_dir: Path, given: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    source = tokenizer_dir / GENERATION_CONFIG
    if given is None and not source.exists():
        return {}
    content = json.loads(source.read_text()) if given is None else given
    _write_json(out_dir / GENERATION_CONFIG, content)
    return content


def _copy_tokenizer(source: Path, out_dir: Path, chat_template: str | None) -> None:
    for name in TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copyfile(source / name, out_dir / name)
    config_path, template_path = out_dir / "tokenizer_config.json", out_dir / "chat_template.jinja"
    if chat_template is not None:
        template_path.write_text(chat_template, encoding="utf-8")
    config = json.loads(config_path.read_text()) if config_path.exists() else {}
    # transformers 5 saves a class name that 4 does not know; early releases of 4 read no separate template.
    if config.get("tokenizer_class", "TokenizersBackend") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if template_path.exists():
        config["chat_template"] = template_path.read_text(encoding="utf-8")
    _write_json(config_path, config)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
