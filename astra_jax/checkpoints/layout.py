"""Between a parameter of ours and the tensors that Hugging Face keeps for it.

Ours: layers stacked on a leading axis; a linear map as [*inputs, *outputs]. Theirs: a tensor for each layer; a
linear map as [outputs, inputs].
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from flax import nnx

from astra_jax.checkpoints.safetensors_dir import TensorReader
from astra_jax.models.families import Family, UnsupportedModel


def tensor_names(family: Family, path: str, parameter: nnx.Param) -> list[str]:
    """The names of a parameter's tensors, one for each layer if it is stacked.

    Raises:
        UnsupportedModel: the family has no such tensor.
    """
    if path not in family.tensors:
        raise UnsupportedModel(f"Models of type {family.model_type!r} have no tensor for parameter {path}.")
    template = family.tensors[path]
    layers = parameter.shape[0] if _stacked(parameter) else 1
    return [template.format(layer=layer) for layer in range(layers)]


def read_parameter(family: Family, path: str, parameter: nnx.Param, reader: TensorReader) -> np.ndarray:
    """The value of a parameter (given as abstract value), in its dtype. Raises as `TensorReader.read`."""
    shape = _their_shape(parameter)
    value = np.empty(parameter.shape, parameter.dtype)
    layers = value if _stacked(parameter) else value[None]
    for layer, name in zip(layers, tensor_names(family, path, parameter), strict=True):
        tensor = reader.read(name, shape)
        layer[...] = (tensor.T if parameter.inputs else tensor).reshape(layer.shape)
    return value


def parameter_tensors(family: Family, path: str, parameter: nnx.Param) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors of a parameter with their names. Raises as `tensor_names`."""
    shape = _their_shape(parameter)
    value = np.asarray(parameter.get_value())
    layers = value if _stacked(parameter) else value[None]
    for layer, name in zip(layers, tensor_names(family, path, parameter), strict=True):
        yield name, layer.reshape(shape[::-1]).T if parameter.inputs else layer.reshape(shape)


def _stacked(parameter: nnx.Param) -> bool:
    return parameter.axes[0] == "layers"


def _their_shape(parameter: nnx.Param) -> tuple[int, ...]:
    """[V, D] for a table, [outputs, inputs] for a linear map's weight, [outputs] for a bias or a scale."""
    shape = tuple(parameter.shape[1:] if _stacked(parameter) else parameter.shape)
    if parameter.inputs is None:
        return shape
    inputs, outputs = math.prod(shape[: parameter.inputs]), math.prod(shape[parameter.inputs :])
    return (outputs, inputs) if parameter.inputs else (outputs,)
