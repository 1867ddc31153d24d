import sys

import pytest

from astra_jax.planning.chips import CHIPS, SHAPES
from astra_jax.planning.topology import NoCompiler, UnknownTopology, find_slice


@pytest.mark.parametrize(
    ("name", "topology", "chips", "devices"),
    [
        ("v5e-16", "v5e:4x4", 16, 16),
        ("v5litepod-16", "v5e:4x4", 16, 16),
        ("v6e-256", "v6e:16x16", 256, 256),
        ("v5p-64", "v5p:2x4x4", 32, 32),
        ("v5p-128", "v5p:4x4x4", 64, 64),
        ("V4-64", "v4:2x4x4", 32, 32),
        ("v3-32", "v3:4x4", 16, 32),
        ("v2-8", "v2:2x2", 4, 8),
        ("tpu7x-16", "tpu7x:2x2x4", 16, 32),
        ("v5p:2x2x8", "v5p:2x2x8", 32, 32),
    ],
)
def test_a_name_is_counted_as_google_cloud_counts_it(name, topology, chips, devices):
    where = find_slice(name)
    assert (where.topology, where.chips, where.num_devices) == (topology, chips, devices)


def test_a_topology_is_called_as_google_cloud_calls_it():
    assert find_slice("v5p:4x4x4").name == "v5p-128"
    assert find_slice("v5p:2x2x8").name == "v5p:2x2x8"


def test_every_cloud_name_is_of_a_slice_of_so_many_chips():
    for kind, shapes in SHAPES.items():
        for chips, shape in shapes.items():
            assert find_slice(f"{kind}:{shape}").chips == chips
            assert find_slice(find_slice(f"{kind}:{shape}").name).chips == chips


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("v5e-17", "v5e-1"),
        ("v5p-65", "v5p-64"),
        ("v6-256", "v6e-256"),
        ("v5e:4x4x4", "v5p:4x4x4"),
        ("h100", "v"),
        ("v5e", "v5e-"),
    ],
)
def test_a_typo_is_one_sentence_with_the_nearest_name(name, nearest):
    with pytest.raises(UnknownTopology) as caught:
        find_slice(name)
    message = str(caught.value)
    assert message.startswith(f"there is no TPU slice called {name!r}; did you mean {nearest}")
    assert "\n" not in message


def test_without_the_compiler_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "libtpu", None)
    with pytest.raises(NoCompiler, match=r"pip install 'astra-jax\[plan\]'"):
        find_slice("v2-32").devices()


def test_two_slices_are_twice_the_chips():
    assert find_slice("v5e-16", 2).num_devices == 32


def test_clocks_are_those_of_the_chips():
    clocks = {name: round(chip.clock_hz / 1e9, 2) for name, chip in CHIPS.items()}
    assert clocks == {"v2": 0.7, "v3": 0.94, "v4": 1.05, "v5e": 1.5, "v5p": 1.75, "v6e": 1.75, "tpu7x": 2.2}
