"""What a training run is at a step, and the split of a model into its structure and its weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from astra_jax.models import ModelConfig, Transformer, abstract_model
from astra_jax.models.low_rank import Adapter
from astra_jax.sharding import named_sharding
from astra_jax.training.distributed import put


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """`step` counts finished updates. Random numbers are functions of a run's seed and of `step`, so there is
    no generator state to keep."""

    step: jax.Array  # int32 []
    params: Any  # nested dict of arrays, see `split_model`
    opt_state: Any

    @classmethod
    def create(cls, params: Any, transform: optax.GradientTransformation) -> TrainState:
        return cls(jnp.zeros((), jnp.int32), params, transform.init(params))


def place(state: TrainState, mesh: Mesh) -> TrainState:
    """The state with every array on `mesh`: what is there stays, the rest goes where `abstract_state` has it."""
    weights = _weights(state.params)
    there = {name: x for name, x in weights.items() if _is_on(x, mesh)}

    def move(path: tuple, x: jax.Array) -> jax.Array:
        return x if _is_on(x, mesh) else put(np.asarray(x), _beside(_name(path), x, there, mesh))

    return jax.tree_util.tree_map_with_path(move, state)


def abstract_state(model: nnx.Module, transform: optax.GradientTransformation, mesh: Mesh) -> TrainState:
    """The state of a run on `mesh` as shapes with their places: nothing is computed or allocated.

    An array of the optimizer that mirrors a weight (AdamW's moments) lives where the weight does; so does one that
    lacks an axis of it (Adafactor's means), along the others. Counters are on every device. Raises as
    `sharding.partition_spec`.

    Args:
        model: may be abstract (`abstract_model`).
    """
    params = abstract_params(model, mesh)
    weights = _weights(params)

    def assign(path: tuple, x: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
        return _placed(x, _beside(_name(path), x, weights, mesh))

    state = jax.eval_shape(lambda params: TrainState.create(params, transform), params)
    opt_state = jax.tree_util.tree_map_with_path(assign, state.opt_state)
    return TrainState(_placed(state.step, NamedSharding(mesh, PartitionSpec())), params, opt_state)


def abstract_params(model: nnx.Module, mesh: Mesh) -> dict:
    """The trained weights of a model, which may be abstract, as shapes with their places on `mesh`. Raises as above."""
    kind = trained_kind(model)
    return jax.tree.map(_placed, split_trained(model)[1], param_shardings(model, mesh, kind))


def abstract_frozen(model: nnx.Module, mesh: Mesh) -> dict | None:
    """Those that are not trained, in the same way; None where all are.

    What is kept of a weight in few bits, its scales too, lies as the weight would, along the axes that divide.
    """
    if trained_kind(model) is nnx.Param:
        return None

    def placed(parameter: nnx.Param) -> Any:
        whole = named_sharding(mesh, parameter.axes, parameter.shape, name="frozen weight").spec
        return jax.tree.map(
            lambda x: _placed(x, _where_it_divides(mesh, whole, x.shape)), parameter.get_value()
        )

    return _of_each(model, placed, nnx.All(nnx.Param, nnx.Not(Adapter)))


def _where_it_divides(mesh: Mesh, spec: PartitionSpec, shape: tuple[int, ...]) -> NamedSharding:
    names = [(split,) if isinstance(split, str) else split or () for split in spec]
    parts = [math.prod(mesh.shape[axis] for axis in split) for split in names]
    divides = [size % count == 0 for size, count in zip(shape, parts, strict=True)]
    return NamedSharding(mesh, PartitionSpec(*(s if d else None for s, d in zip(spec, divides, strict=True))))


def _placed(x: Any, sharding: Any) -> Any:
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _weights(params: Any) -> dict[str, Any]:
    return {_name(path): x for path, x in jax.tree_util.tree_leaves_with_path(params)}


def _is_on(x: jax.Array, mesh: Mesh) -> bool:
    return isinstance(x.sharding, NamedSharding) and x.sharding.mesh == mesh


def _beside(name: str, x: Any, weights: dict[str, Any], mesh: Mesh) -> NamedSharding:
    """Where an array of the optimizer lives, given those weights that are on `mesh`."""
    weight = _mirrored(name, weights)
    if weight is None:
        return NamedSharding(mesh, PartitionSpec())
    if weight.shape == x.shape:
        return weight.sharding
    spec = (*weight.sharding.spec, *[None] * len(weight.shape))[: len(weight.shape)]
    for axis in range(len(weight.shape)):
        if weight.shape[:axis] + weight.shape[axis + 1 :] == x.shape:
            return NamedSharding(mesh, PartitionSpec(*spec[:axis], *spec[axis + 1 :]))
    return NamedSharding(mesh, PartitionSpec())


def _mirrored(name: str, weights: dict[str, Any]) -> Any:
    """The weight whose path ends that of an array of the optimizer: `0/mu/layers/ffn/up/weight`; None without one."""
    parents = name.split("/")
    suffixes = ("/".join(parents[i:]) for i in range(len(parents)))
    return next((weights[suffix] for suffix in suffixes if suffix in weights), None)


def split_model(model: nnx.Module) -> tuple[nnx.GraphDef, dict]:
    """A model as its structure and a nested dict of weights.

    Raises:
        ValueError: the model has state that is not a parameter, which training would not carry along.
    """
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    if jax.tree.leaves(rest):
        raise ValueError(f"the model has variables that are not parameters: {list(nnx.to_pure_dict(rest))}")
    return graph, nnx.to_pure_dict(params)


def split_trained(model: nnx.Module) -> tuple[nnx.GraphDef, dict, dict | None]:
    """A model as its structure, the weights that are trained, and those that are frozen; None: all are trained."""
    if trained_kind(model) is nnx.Param:
        return *split_model(model), None
    graph, trained, frozen = nnx.split(model, Adapter, nnx.Param)
    return graph, nnx.to_pure_dict(trained), nnx.to_pure_dict(frozen)


def trained_kind(model: nnx.Module) -> type[nnx.Param]:
    """Which parameters are trained: the adapters of a model that has some, else all."""
    return Adapter if jax.tree.leaves(nnx.state(model, Adapter)) else nnx.Param


def join_model(graph: nnx.GraphDef, params: dict, frozen: dict | None = None) -> Any:
    """The model that `split_model` or `split_trained` took apart, with these weights."""
    return nnx.merge(graph, params) if frozen is None else nnx.merge(graph, params, frozen)


def with_config(model: Transformer, config: ModelConfig) -> Transformer:
    """The same weights under a configuration that computes otherwise: other types, another remat policy."""
    return join_model(split_model(abstract_model(config))[0], split_model(model)[1])


def logical_axes(model: nnx.Module, kind: type[nnx.Param] = nnx.Param) -> dict:
    """The logical axis names of each parameter of `kind`: the tree of `split_model`, with tuples of names as leaves."""
    return _of_each(model, lambda parameter: parameter.axes, kind)


def computed_dtypes(model: Transformer) -> dict:
    """In which type the model reads each trained weight: its linear maps' in that of its products, all others in their
    own."""
    compute = model.config.compute_dtype
    kind = trained_kind(model)
    return _of_each(
        model, lambda parameter: jnp.dtype(compute if parameter.inputs else parameter.dtype), kind
    )


def _of_each(model: nnx.Module, what: Callable[[nnx.Param], Any], kind: Any = nnx.Param) -> dict:
    """Something of each parameter of a kind, in the tree of `split_model`."""
    tree: dict = {}
    for (*parents, name), parameter in nnx.to_flat_state(nnx.state(model, kind)):
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
        node[name] = what(parameter)
    return tree


def param_shardings(model: nnx.Module, mesh: Mesh, kind: type[nnx.Param] = nnx.Param) -> dict:
    """Where each weight of `kind` lives on `mesh` by the sharding rules. Raises as `sharding.partition_spec`."""

    def sharding(path: tuple, parameter: jax.ShapeDtypeStruct, axes: tuple[str, ...]) -> NamedSharding:
        return named_sharding(mesh, axes, parameter.shape, name=_name(path))

    weights = nnx.to_pure_dict(nnx.state(model, kind))
    return jax.tree_util.tree_map_with_path(sharding, weights, logical_axes(model, kind))
