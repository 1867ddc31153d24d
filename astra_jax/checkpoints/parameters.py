"""Parameters as Orbax keeps them: in chunks, as they lie on a mesh, to be restored on another one.

A folder that `save_parameters` makes is a model as the trainers take it, beside Hugging Face directories: the same
`config.json` and tokenizer, and the weights under `parameters/`. A training state's weights are read in the same way.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from flax import nnx
from jax.sharding import Mesh, SingleDeviceSharding

from astra_jax.checkpoints.companions import companion_bytes, copy_generation_config, copy_tokenizer
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.new_directory import new_directory, require_space
from astra_jax.models import ModelConfig, Transformer, abstract_model
from astra_jax.models.parameter import named_parameters
from astra_jax.sharding import named_sharding

PARAMETERS = "parameters"
_KEY = "params"  # as in a training state


def save_parameters(model: Transformer, out_dir: str | Path, *, source: str | Path) -> Path:
    """Writes a folder with the model's parameters; it appears complete or not at all. For one process.

    Args:
        source: the Hugging Face directory that the model is from: its `config.json` and tokenizer go along.

    Raises:
        CheckpointError: the disk has too little space.
        FileExistsError: `out_dir` is there already.
    """
    out_dir, source = Path(out_dir), Path(source)
    tree = nnx.to_pure_dict(nnx.state(model, nnx.Param))
    size = sum(x.nbytes for x in jax.tree.leaves(tree))
    require_space(out_dir, size + companion_bytes(source))
    with new_directory(out_dir) as partial:
        shutil.copyfile(source / "config.json", partial / "config.json")
        copy_generation_config(source, partial, None)
        copy_tokenizer(source, partial, None)
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save((partial / PARAMETERS).resolve(), {_KEY: tree})
    return out_dir


def read_parameters(
    path: str | Path, config: ModelConfig, *, mesh: Mesh | None = None, param_dtype: str | None = "float32"
) -> Transformer:
    """A model of `config` with the parameters under `path`, laid out over `mesh` if one is given.

    Args:
        path: the `parameters` of a folder, or the `state` of a training checkpoint, of which only these are read.
        param_dtype: None keeps that of the checkpoint: the widest, where they differ.

    Raises:
        CheckpointError: there are none, or a parameter is missing or has another shape.
        ShardingError: the model does not divide over the mesh.
    """
    model = abstract_model(replace(config, param_dtype=param_dtype or _widest_dtype(Path(path).resolve())))
    read_into(path, dict(named_parameters(model)), mesh=mesh)
    return model


def read_into(path: str | Path, parameters: Mapping[str, nnx.Param], *, mesh: Mesh | None = None) -> None:
    """Sets `parameters`, by their paths in the model, to what `read_parameters` would read for them.

    Raises:
        CheckpointError: one is missing or has another shape, or there are others.
    """
    path = Path(path).resolve()
    with ocp.PyTreeCheckpointer() as checkpointer:
        stored = _stored(checkpointer, path)
        wanted = {name: _wanted(name, parameter, mesh) for name, parameter in parameters.items()}
        _check(path, {name: tuple(leaf.shape) for name, leaf in stored.items()}, wanted)
        like = {_KEY: _nested(wanted)}
        how = ocp.args.PyTreeRestore(  # type: ignore[call-arg]
            item=like, restore_args=ocp.checkpoint_utils.construct_restore_args(like), partial_restore=True
        )
        restored = _flat(checkpointer.restore(path, how)[_KEY])
    for name, parameter in parameters.items():
        parameter.set_value(restored[name])


def _widest_dtype(path: Path) -> str:
    with ocp.PyTreeCheckpointer() as checkpointer:
        stored = _stored(checkpointer, path)
    return str(jnp.result_type(*{jnp.dtype(leaf.dtype) for leaf in stored.values()}))


def _stored(checkpointer: Any, path: Path) -> dict[str, Any]:
    """What Orbax says of each array, by the parameter's path."""
    try:
        return _flat(checkpointer.metadata(path).item_metadata.tree[_KEY])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{path} holds no parameters that Orbax can read.") from None


def _wanted(name: str, parameter: nnx.Param, mesh: Mesh | None) -> jax.ShapeDtypeStruct:
    place = SingleDeviceSharding(jax.local_devices()[0])
    if mesh is not None:
        place = named_sharding(mesh, parameter.axes, parameter.shape, name=name)
    return jax.ShapeDtypeStruct(parameter.shape, parameter.dtype, sharding=place)


def _check(path: Path, stored: dict[str, tuple[int, ...]], wanted: dict[str, jax.ShapeDtypeStruct]) -> None:
    for name, array in wanted.items():
        if name not in stored:
            raise CheckpointError(f"{path}: parameter {name} of shape {array.shape} is missing.")
        if stored[name] != array.shape:
            raise CheckpointError(
                f"{path}: parameter {name} has shape {stored[name]}; the configuration needs {array.shape}."
            )
    if unexpected := sorted(stored.keys() - wanted.keys()):
        name = unexpected[0]
        raise CheckpointError(
            f"{path}: {len(unexpected)} parameters have no place in the model, such as {name} of shape {stored[name]}."
        )


def _flat(tree: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, leaf in flat.items():
        *parents, last = name.split(".")
        node = nested
        for key in parents:
            node = node.setdefault(key, {})
        node[last] = leaf
    return nested
