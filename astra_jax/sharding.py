"""The mesh, and the one table from logical axes to mesh axes.

Parameters and activations name their axes by what they are (`embed`, `heads`, `batch`); `RULES` says over which
mesh axes each is split. Another parallelism strategy is another table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

Rules = Mapping[str, tuple[str, ...]]

MESH_AXES = ("data", "fsdp", "expert", "context", "tensor")

# data: copies of the weights, other rows. fsdp: other rows too, and each device keeps a slice of the weights,
# gathered when used. expert: as fsdp, but of a mixture's experts each device keeps whole ones, and tokens travel to
# them. context: a slice of each row. tensor: all rows, a slice of the heads, the feed-forward and the vocabulary.
RULES: Rules = {
    "batch": ("data", "fsdp", "expert"),
    "time": ("context",),
    "part": ("context",),  # of a row: one for each device that shares it
    "step": (),  # the time axis of generation, whose tokens are few
    "hidden": (),  # the model axis of activations; `embed` is that of weights
    "layers": (),
    "embed": ("fsdp", "expert", "context"),
    "experts": ("expert",),
    "router": (),  # the experts, as the router scores them
    "expert_embed": ("fsdp", "context"),
    "heads": ("tensor",),
    "kv_heads": ("tensor",),
    "head_dim": (),
    "ffn": ("tensor",),
    "rank": (),  # of an adapter
    "vocab": ("tensor",),
}


class ShardingError(ValueError):
    """An array cannot be laid out over the mesh as the rules say."""


def make_mesh(
    *,
    data: int = -1,
    fsdp: int = 1,
    expert: int = 1,
    context: int = 1,
    tensor: int = 1,
    slices: int = 1,
    devices: Sequence[Any] | None = None,
) -> Mesh:
    """A mesh of all devices (or those given). One size may be -1: what is left.

    Args:
        slices: of a TPU, joined by the data centre's network, over which only copies of the weights are kept alike:
            `data` is a multiple of it.

    Raises:
        ShardingError: the sizes do not make up the number of devices, or the slices not the data axis; or one is no
            size.
    """
    devices = jax.devices() if devices is None else devices
    sizes = [data, fsdp, expert, context, tensor]
    for name, size in (*zip(MESH_AXES, sizes, strict=True), ("slices", slices)):
        rest = "" if name == "slices" else ", or -1 for all devices that are left"
        if size < 1 and not (rest and size == -1):
            raise ShardingError(f"a mesh of {name}={size}: it is at least 1{rest}")
    known = math.prod(size for size in sizes if size != -1)
    filled = [len(devices) // known if size == -1 else size for size in sizes]
    if sizes.count(-1) > 1 or math.prod(filled) != len(devices):
        asked = ", ".join(f"{axis}={size}" for axis, size in zip(MESH_AXES, sizes, strict=True))
        raise ShardingError(f"a mesh of {asked} does not use exactly the {len(devices)} devices there are")
    if filled[0] % slices:
        raise ShardingError(f"a mesh of data={filled[0]} does not divide over {slices} slices")
    kinds = (AxisType.Auto,) * len(MESH_AXES)
    if slices == 1:
        return Mesh(_arranged(filled, devices), MESH_AXES, axis_types=kinds)
    inside, between = [filled[0] // slices, *filled[1:]], [slices] + [1] * (len(filled) - 1)
    return Mesh(mesh_utils.create_hybrid_device_mesh(inside, between, devices), MESH_AXES, axis_types=kinds)


def _arranged(sizes: Sequence[int], devices: Sequence[Any]) -> np.ndarray:
    """The devices, neighbours on the mesh being neighbours on the machine where that can be."""
    try:
        return mesh_utils.create_device_mesh(sizes, devices)
    except NotImplementedError:  # the machine has no axis for each of the mesh: two share one
        return mesh_utils.create_device_mesh(sizes, devices, allow_split_physical_axes=True)
    except AssertionError:  # they are no box of the machine's, as where others of it only sample
        return np.array(devices).reshape(sizes)


def partition_spec(
    mesh: jax.sharding.AbstractMesh | Mesh,
    axes: Sequence[str],
    shape: Sequence[int],
    *,
    name: str,
    rules: Rules = RULES,
) -> PartitionSpec:
    """Over which mesh axes each dimension of an array is split; `name` is the array's, for messages.

    Raises:
        ShardingError: no rule for an axis; two dimensions over one mesh axis; a size that does not divide.
    """
    owner: dict[str, str] = {}
    spec = []
    for axis, size in zip(axes, shape, strict=True):
        if axis not in rules:
            raise ShardingError(f"{name}: no sharding rule for its axis {axis!r}; known: {', '.join(rules)}")
        split = tuple(mesh_axis for mesh_axis in rules[axis] if mesh.shape[mesh_axis] > 1)
        for mesh_axis in split:
            if mesh_axis in owner:
                raise ShardingError(
                    f"{name}: axes {owner[mesh_axis]!r} and {axis!r} both map to mesh axis {mesh_axis!r}"
                )
            owner[mesh_axis] = axis
        parts = math.prod(mesh.shape[mesh_axis] for mesh_axis in split)
        if size % parts:
            raise ShardingError(
                f"{name}: axis {axis!r} of size {size} does not divide over {parts} devices "
                f"(mesh axes {', '.join(split)})"
            )
        spec.append(split or None)
    return PartitionSpec(*spec)


def named_sharding(
    mesh: Mesh, axes: Sequence[str], shape: Sequence[int], *, name: str, rules: Rules = RULES
) -> NamedSharding:
    """Where an array with these logical axes lives on `mesh`. Raises as `partition_spec`."""
    return NamedSharding(mesh, partition_spec(mesh, axes, shape, name=name, rules=rules))


def shard_model(model: nnx.Module, mesh: Mesh, rules: Rules = RULES) -> None:
    """Moves every parameter to its place on `mesh`, in the model itself. Raises as `partition_spec`."""
    parameters = nnx.to_flat_state(nnx.state(model, nnx.Param))
    shardings = [
        named_sharding(mesh, p.axes, p.shape, name=".".join(map(str, path)), rules=rules)
        for path, p in parameters
    ]
    for (_, parameter), sharding in zip(parameters, shardings, strict=True):
        parameter.set_value(jax.device_put(parameter.get_value(), sharding))
    nnx.update(model, nnx.from_flat_state(parameters))


def constrain(x: jax.Array, *axes: str, name: str = "activation") -> jax.Array:
    """Pins an activation to the mesh of `jax.set_mesh`; does nothing where there is none."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return x
    return jax.lax.with_sharding_constraint(x, partition_spec(mesh, axes, x.shape, name=name))


def platform() -> str:
    """Of the devices of the current mesh, which may not be there: `cpu`, `gpu`, `tpu`. Without a mesh JAX's default."""
    device = _device()
    return device.platform if device else jax.default_backend()


def device_cores() -> int:
    """How many cores of a device share a kernel, as a TPU v5p has two; of the devices that `platform` is of."""
    return getattr(_device() or jax.devices()[0], "num_cores", None) or 1


def _device() -> jax.sharding.AbstractDevice | None:
    mesh = jax.sharding.get_abstract_mesh()
    return None if mesh.empty else mesh.abstract_device


def parts_of_rows(mesh: jax.sharding.AbstractMesh | Mesh | None = None) -> int:
    """How many devices share a row on `mesh`, by default that of `jax.set_mesh`."""
    mesh = jax.sharding.get_abstract_mesh() if mesh is None else mesh
    return 1 if mesh.empty else mesh.shape["context"]


def row_order(length: int, parts: int) -> np.ndarray:
    """Which token of a row stands at each place of it where `parts` devices share it: [T] int32.

    Each device has two pieces, the i-th from the start and the i-th from the end, so that under a causal mask all
    have as much to attend to.

    Raises:
        ShardingError: the row does not divide into two pieces for each device.
    """
    if parts == 1:
        return np.arange(length, dtype=np.int32)
    if length % (2 * parts):
        raise ShardingError(
            f"a row of {length} tokens does not divide into two pieces for each of {parts} devices"
        )
    pieces = np.arange(length, dtype=np.int32).reshape(2 * parts, -1)
    return np.concatenate([pieces[[i, 2 * parts - 1 - i]].ravel() for i in range(parts)])
