"""Files are those of the `safetensors` package, and any part of a tensor is read without the rest."""

from __future__ import annotations

import json
import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.safetensors_dir import TensorReader, write_tensors
from astra_jax.checkpoints.safetensors_file import NewTensor, SafetensorsFile, write_file


def new(name, values, dtype=None):
    return NewTensor(name, values.shape, dtype or str(values.dtype), lambda: values)


@st.composite
def boxes(draw):
    """A shape, and a part of an array of it."""
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    return shape, tuple(
        (start, draw(st.integers(start + 1, size))) for start, size in zip(starts, shape, strict=True)
    )


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A file with two tensors, and the second one's values."""
    path = tmp_path_factory.mktemp("file") / "a.safetensors"
    values = np.arange(6**4, dtype=np.float32)
    save_file({"a": np.zeros(3, np.float16), "b": values}, path)
    return path, values


@settings(deadline=None)
@given(boxes())
def test_any_part_of_a_tensor_is_what_slicing_gives(counted, box):
    path, values = counted
    shape, ranges = box
    whole = values[: math.prod(shape)].reshape(shape)
    save = path.with_name("part.safetensors")
    write_file(save, [new("first", values[:7]), new("second", whole)])
    file = SafetensorsFile(save)
    np.testing.assert_array_equal(
        file.read("second", shape, ranges), whole[tuple(slice(*span) for span in ranges)]
    )
    file.close()


def test_written_files_are_read_by_the_safetensors_package(tmp_path):
    tensors = {
        "half": np.arange(5).astype(ml_dtypes.bfloat16),
        "empty": np.zeros((0, 3), np.float32),
        "single": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32),
    }
    write_file(tmp_path / "a", [new(name, values) for name, values in tensors.items()])
    again = load_file(tmp_path / "a")
    assert again.keys() == tensors.keys()
    for name, values in tensors.items():
        assert again[name].dtype == values.dtype
        np.testing.assert_array_equal(again[name], values)


def test_only_one_tensor_exists_at_a_time(tmp_path):
    alive = []

    class Watched(np.ndarray):
        def __del__(self):
            if self.base is None:
                alive.remove(id(self))

    def make():
        made = np.ndarray.__new__(Watched, 1000, np.float32)
        alive.append(id(made))
        assert len(alive) == 1
        return made

    write_tensors(tmp_path, [NewTensor(f"t{i}", (1000,), "float32", make) for i in range(4)], 9000)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2


def test_a_type_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="Tensors of type int8 cannot be written"):
        write_file(tmp_path / "a", [new("x", np.zeros(3, np.int8))])


def header(**entries):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or truncated: 0 bytes"),
        (b"\xff" * 40, "damaged or truncated: 40 bytes are less than its header"),
        ((4).to_bytes(8, "little") + b"nope", "its header is not that of a safetensors file"),
        (header(x={"dtype": "F32"}), "its header is not that of a safetensors file"),
        (header(x=ENTRY) + b"\0" * 7, r"truncated: it has \d+ bytes, its header says \d+"),
        (header(x=ENTRY | {"shape": [3]}) + b"\0" * 8, r"tensor x of shape \(3,\) has 8 bytes"),
    ],
    ids=["empty", "no header", "no JSON", "no shape", "short", "wrong size"],
)
def test_a_damaged_file_is_one_sentence(tmp_path, content, message):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        TensorReader(tmp_path)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path):
    path = tmp_path / "model.safetensors"
    write_file(path, [new("x", np.zeros((100, 100), np.float32))])
    with TensorReader(tmp_path) as reader:
        path.write_bytes(path.read_bytes()[:20_000])
        with pytest.raises(CheckpointError, match="it ends at byte 20000"):
            reader.read("x", (100, 100), ((0, 100), (0, 100)))
