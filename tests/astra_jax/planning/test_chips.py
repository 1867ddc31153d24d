import re

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import SingleDeviceSharding

from astra_jax.planning.chips import CHIPS
from astra_jax.planning.topology import find_slice
from astra_jax.sharding import make_mesh

SMALLEST = {"v4": "v4:2x2x1", "v5p": "v5p:2x2x1", "tpu7x": "tpu7x:2x2x1"}


@pytest.mark.slow
@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_has_the_memory_that_the_compiler_gives_and_devices_as_it_counts_them(tpu_compiler, name):
    where = find_slice(SMALLEST.get(name, f"{name}:2x2"))
    devices = where.devices()
    assert len(devices) == where.num_devices
    too_much = jax.ShapeDtypeStruct((2**42,), jnp.int8, sharding=SingleDeviceSharding(devices[0]))
    with pytest.raises(jax.errors.JaxRuntimeError) as caught:
        jax.jit(lambda x: x + 1).lower(too_much).compile()
    found = re.search(r"exceeds available HBM \(([\d.]+)G\)", str(caught.value))
    assert found is not None
    assert float(found.group(1)) == CHIPS[name].hbm_gib


@pytest.mark.parametrize("name", ["v5e-1", "v6e-1"])
def test_a_slice_may_be_one_chip(tpu_compiler, name):
    assert len(find_slice(name).devices()) == 1


def test_two_axes_of_a_mesh_may_share_one_of_the_slice(tpu_compiler):
    devices = find_slice("v6e-256").devices()
    mesh = make_mesh(data=1, fsdp=32, expert=8, devices=devices)
    assert {device.id for device in mesh.devices.flat} == {device.id for device in devices}
