"""The trainer's weights, as the engines of all processes hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding

from astra_jax.models import Transformer
from astra_jax.sharding import MESH_AXES, ShardingError, make_mesh
from astra_jax.training.state import computed_dtypes, param_shardings


def divided(count: int, devices: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The devices that train, and those that sample: the last `count`, or with 0 all for both.

    Raises:
        ShardingError: none would be left to train, or they are of several processes.
    """
    if not count:
        return devices, devices
    if len({device.process_index for device in devices}) > 1:
        raise ShardingError(
            f"config.engine_devices is {count}, and this run has several processes, which cannot hand weights from "
            "some devices to others: let servers sample (config.servers.urls)"
        )
    if not 0 < count < len(devices):
        raise ShardingError(
            f"config.engine_devices is {count}: of {len(devices)} devices, at least one has to train and one to sample"
        )
    return devices[:-count], devices[-count:]


def engine_meshes(tensor: int, devices: Sequence[Any]) -> list[Mesh]:
    """A mesh for each `tensor` devices of a process, those of process 0 first.

    Raises:
        ShardingError: the devices of a process do not divide.
    """
    meshes = []
    for process in sorted({device.process_index for device in devices}):
        mine = [device for device in devices if device.process_index == process]
        if len(mine) % tensor:
            raise ShardingError(
                f"config.engine_tensor is {tensor}: the {len(mine)} devices of a process do not divide into "
                f"engines of {tensor}"
            )
        parts = (mine[i : i + tensor] for i in range(0, len(mine), tensor))
        meshes += [make_mesh(data=1, tensor=tensor, devices=part) for part in parts]
    return meshes


class Handover:
    """From the trainer's mesh to each engine's, device to device, in the types that products read."""

    def __init__(self, model: Transformer, tensor: int, devices: Sequence[Any], *, copies: bool = False):
        """
        Args:
            model: may be abstract.
            tensor: devices that share an engine.
            devices: those that sample, of all processes.
            copies: engines sample beside an update, which takes its own arrays apart: they never share one with it.

        Raises:
            ShardingError: the devices of a process do not divide, or the model does not over an engine's.
        """
        meshes = engine_meshes(tensor, devices)
        together = Mesh(
            np.concatenate([mesh.devices for mesh in meshes]), MESH_AXES, axis_types=meshes[0].axis_types
        )
        self.meshes = [mesh for mesh in meshes if mesh.devices.flat[0] in jax.local_devices()]
        self._shardings = param_shardings(model, together)
        self._dtypes = computed_dtypes(model)
        self._copies = copies

    def __call__(self, params: Any) -> list[Any]:
        """The weights for each of `meshes`. All processes call it."""
        read = jax.tree.map(self._read, params, self._dtypes)
        everywhere = jax.device_put(read, self._shardings)
        return [jax.tree.map(lambda x, mesh=mesh: _on(mesh, x), everywhere) for mesh in self.meshes]

    def _read(self, x: jax.Array, dtype: Any) -> jax.Array:
        if x.dtype != dtype:
            return x.astype(dtype)
        return jnp.copy(x) if self._copies else x


def _on(mesh: Mesh, x: jax.Array) -> jax.Array:
    """The copy of `x` that lies on the devices of `mesh`. Nothing moves."""
    there = {shard.device: shard.data for shard in x.addressable_shards}
    assert isinstance(x.sharding, NamedSharding)
    sharding = NamedSharding(mesh, x.sharding.spec)
    return jax.make_array_from_single_device_arrays(
        x.shape, sharding, [there[device] for device in mesh.devices.flat]
    )
