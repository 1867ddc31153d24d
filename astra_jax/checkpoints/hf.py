"""Models from and to directories as Hugging Face's `transformers` and SGLang read them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from jax.sharding import Mesh

from astra_jax.checkpoints.companions import (
    companion_bytes,
    copy_generation_config,
    copy_tokenizer,
    require_tokenizer,
    write_json,
)
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.fill import fill
from astra_jax.checkpoints.gather import tensors_of
from astra_jax.checkpoints.layout import Layout
from astra_jax.checkpoints.new_directory import new_directory, refuse_existing, require_space
from astra_jax.checkpoints.parameters import PARAMETERS, read_parameters
from astra_jax.checkpoints.safetensors_dir import TensorReader, write_tensors, written_bytes
from astra_jax.checkpoints.safetensors_file import NewTensor
from astra_jax.checkpoints.together import on_first_process, write_on_first_process
from astra_jax.models import ModelConfig, Transformer, abstract_model
from astra_jax.models.families import UnsupportedModel, find_family, read_config, write_config
from astra_jax.models.parameter import named_parameters
from astra_jax.sharding import named_sharding

Progress = Callable[[int, int], None]  # is told how many bytes are done, and of how many


def unheard(done: int, total: int) -> None:
    """The progress that nobody follows."""


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
    if not isinstance(hf, dict):
        raise CheckpointError(f"{path} is no JSON object.")
    return read_config(find_family(hf.get("model_type")), hf)


def import_model(
    directory: str | Path,
    *,
    mesh: Mesh | None = None,
    param_dtype: str | None = "float32",
    progress: Progress = unheard,
) -> Transformer:
    """The model of a checkpoint, its parameters laid out over `mesh` if one is given.

    Every process reads what its own devices need, and nothing else.

    Args:
        directory: Hugging Face's, or one of `parameters.save_parameters`.
        param_dtype: None keeps that of the checkpoint: the widest, where its tensors differ.

    Raises:
        CheckpointError: a tensor is missing, unexpected or of another shape; a file is damaged.
        UnsupportedModel: as `load_config`.
        ShardingError: the model does not divide over the mesh.
    """
    directory = Path(directory)
    config = load_config(directory)
    if (directory / PARAMETERS).exists():
        return read_parameters(directory / PARAMETERS, config, mesh=mesh, param_dtype=param_dtype)
    with TensorReader(directory) as reader:
        dtype = param_dtype or reader.widest_dtype()
        return _read_model(dataclasses.replace(config, param_dtype=dtype), reader, mesh, progress)


def _read_model(
    config: ModelConfig, reader: TensorReader, mesh: Mesh | None, progress: Progress
) -> Transformer:
    family = find_family(config.family)
    model = abstract_model(config)
    parameters = [(path, p, Layout.of(family, path, p)) for path, p in named_parameters(model)]
    _check_tensors(family.model_type, [layout for *_, layout in parameters], reader)
    places = [mesh and named_sharding(mesh, p.axes, p.shape, name=path) for path, p, _ in parameters]
    sizes = [math.prod(p.shape) * jnp.dtype(p.dtype).itemsize for _, p, _ in parameters]
    for i, ((_, parameter, layout), place) in enumerate(zip(parameters, places, strict=True)):
        parameter.set_value(fill(layout, config.param_dtype, place, reader))
        progress(sum(sizes[: i + 1]), sum(sizes))
    return model


def _check_tensors(model_type: str, layouts: Sequence[Layout], reader: TensorReader) -> None:
    """Before anything is read."""
    wanted = {name: layout.tensor_shape for layout in layouts for _, name in layout.names()}
    shapes = reader.shapes()
    # Buffers that old releases saved, and the copy of a tied embedding that some checkpoints carry.
    ignored = {name for name in shapes if name.endswith("rotary_emb.inv_freq") or name == "lm_head.weight"}
    unexpected = sorted(shapes.keys() - wanted.keys() - ignored)
    missing = [name for name in wanted if name not in shapes]
    if missing and unexpected:
        raise CheckpointError(
            f"{reader.directory}: its config.json describes a {model_type} model, and its tensors are another's: "
            f"{len(missing)} of {len(wanted)} are missing, such as {missing[0]} of shape {wanted[missing[0]]}, and "
            f"{len(unexpected)} have no place, such as {unexpected[0]} of shape {shapes[unexpected[0]]}."
        )
    if unexpected:
        raise CheckpointError(
            f"{reader.directory}: {len(unexpected)} tensors have no place in the model, such as {unexpected[0]} "
            f"of shape {shapes[unexpected[0]]}."
        )
    reader.check(wanted)


def export_model(
    model: Transformer,
    out_dir: str | Path,
    *,
    tokenizer_dir: str | Path,
    chat_template: str | None = None,
    generation_config: Mapping[str, Any] | None = None,
    dtype: str | None = None,
    progress: Progress = unheard,
) -> Path:
    """Writes a directory that `transformers` and SGLang load as it is; it appears complete or not at all.

    Host memory holds one tensor at a time. Where several processes share the model, all must call this: the first
    writes.

    Args:
        tokenizer_dir: where the tokenizer's files are copied from.
        chat_template: Jinja, of the format that the model was trained on; None copies that of `tokenizer_dir`.
        generation_config: None copies that of `tokenizer_dir`, if there is one.
        dtype: of the written tensors, such as "bfloat16"; None is the parameters' own.

    Raises:
        CheckpointError: `tokenizer_dir` has no `tokenizer.json`; the disk has too little space.
        UnsupportedModel: the family's `config.json` cannot express the model.
        FileExistsError: `out_dir` is there already.
    """
    out_dir, tokenizer_dir = Path(out_dir), Path(tokenizer_dir)
    dtype = dtype or model.config.param_dtype
    config = _config_json(model.config, dtype)
    tensors = _tensors(model, dtype)

    def check() -> None:
        require_tokenizer(tokenizer_dir)
        refuse_existing(out_dir)
        require_space(out_dir, written_bytes(tensors) + companion_bytes(tokenizer_dir))

    def write(tensors: Sequence[NewTensor]) -> None:
        with new_directory(out_dir) as partial_dir:
            generation = copy_generation_config(tokenizer_dir, partial_dir, generation_config)
            special = {key: value for key, value in generation.items() if key.endswith("_token_id")}
            write_json(partial_dir / "config.json", config | special)
            copy_tokenizer(tokenizer_dir, partial_dir, chat_template)
            write_tensors(partial_dir, tensors)

    on_first_process(check)
    write_on_first_process(write, _reporting(tensors, progress))
    return out_dir


def check_exportable(config: ModelConfig) -> None:
    """Raises `UnsupportedModel`: no config.json of its family can say what `config` does."""
    _config_json(config, config.param_dtype)


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


def _tensors(model: Transformer, dtype: str) -> list[NewTensor]:
    family = find_family(model.config.family)
    return [
        tensor
        for path, parameter in named_parameters(model)
        for tensor in tensors_of(Layout.of(family, path, parameter), parameter.get_value(), dtype)
    ]


def _reporting(tensors: Sequence[NewTensor], progress: Progress) -> list[NewTensor]:
    """The same tensors; `progress` hears of each when it is made."""
    total = sum(tensor.nbytes for tensor in tensors)
    done = 0

    def values(tensor: NewTensor) -> Any:
        nonlocal done
        made = tensor.values()
        done += tensor.nbytes
        progress(done, total)
        return made

    return [dataclasses.replace(tensor, values=partial(values, tensor)) for tensor in tensors]
