"""Between a parameter of ours and the tensors that Hugging Face keeps for it.

Ours: layers, and in each layer experts, stacked on leading axes; a linear map as [*inputs, *outputs]. Theirs: a
tensor for each layer and expert; a linear map as [outputs, inputs].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flax import nnx

from astra_jax.models.families import Family, UnsupportedModel

# A leading axis with a tensor for each index -> the field of the tensors' names that holds the index.
STACKED = {"layers": "layer", "experts": "expert"}

Index = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How a parameter of `shape` is made of tensors: one for each `Index` of its `stacked` axes, which come first.

    The other axes are the body. `inputs` says how many of them are a map's input; 0 for a bias or a scale, None for
    a table.
    """

    template: str
    stacked: tuple[str, ...]
    shape: tuple[int, ...]
    inputs: int | None

    @classmethod
    def of(cls, family: Family, path: str, parameter: nnx.Param) -> Layout:
        """
        Raises:
            UnsupportedModel: the family has no such tensor.
        """
        if path not in family.tensors:
            raise UnsupportedModel(
                f"Models of type {family.model_type!r} have no tensor for parameter {path}."
            )
        template, stacked = family.tensors[path], []
        for axis in parameter.axes:
            if f"{{{STACKED.get(axis)}}}" not in template:
                break
            stacked.append(axis)
        return cls(template, tuple(stacked), tuple(parameter.shape), parameter.inputs)

    def names(self) -> Iterator[tuple[Index, str]]:
        """Every tensor of the parameter with its index."""
        for index in np.ndindex(*self.shape[: len(self.stacked)]):
            yield index, self.name(index)

    def name(self, index: Index) -> str:
        fields = {STACKED[axis]: i for axis, i in zip(self.stacked, index, strict=True)}
        return self.template.format(**fields)

    @property
    def body(self) -> tuple[int, ...]:
        return self.shape[len(self.stacked) :]

    @property
    def order(self) -> tuple[int, ...]:
        """The axes of the body in the order in which the tensor holds them."""
        inputs = self.inputs or 0
        return (*range(inputs, len(self.body)), *range(inputs))

    @property
    def view(self) -> tuple[int, ...]:
        """The tensor's shape with an axis for each of the body's."""
        return tuple(self.body[axis] for axis in self.order)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """[V, D] of a table, [outputs, inputs] of a linear map's weight, [outputs] of a bias or a scale."""
        if self.inputs is None:
            return self.body
        inputs, outputs = math.prod(self.body[: self.inputs]), math.prod(self.body[self.inputs :])
        return (outputs, inputs) if self.inputs else (outputs,)
