"""Import and export over meshes of one and of several processes."""

from __future__ import annotations

import json

import pytest
from flax import nnx

from astra_jax.checkpoints.hf import export_model
from astra_jax.models import ModelConfig, Transformer
from tests.astra_jax.simulated import run_script

DEVICES = 8
# Imports a directory over each mesh and exports it again: all with pieces smaller than a shard. Prints what it read.
ROUND_TRIPS = """
import json, sys
from pathlib import Path
import jax
port, number, processes = map(int, sys.argv[1:4])
source, out = sys.argv[4], Path(sys.argv[5])
jax.config.update("jax_disable_most_optimizations", True)
if processes > 1:
    jax.distributed.initialize(f"localhost:{port}", processes, number, initialization_timeout=60)
from astra_jax.checkpoints import fill, gather, safetensors_dir
from astra_jax.checkpoints.error import CheckpointError
from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.sharding import make_mesh
fill.PIECE_BYTES = gather.PIECE_BYTES = 3000
readers = []
init = safetensors_dir.TensorReader.__init__
safetensors_dir.TensorReader.__init__ = lambda self, path: (readers.append(self), init(self, path))[1]
assert len(jax.devices()) == 8
for name, sizes in json.loads(sys.argv[6]).items():
    model = import_model(source, mesh=make_mesh(**sizes), param_dtype=None)
    export_model(model, out / name, tokenizer_dir=Path(source).parent / "tokenizer")
    print("read", name, readers[-1].bytes_read, flush=True)
try:
    export_model(model, out / name, tokenizer_dir=Path(source).parent / "tokenizer")
except (CheckpointError, FileExistsError) as error:
    print("refused", error, flush=True)
"""
MESHES = {
    "fsdp": {"data": 1, "fsdp": 8},
    "copies": {"data": 8},
    "experts": {"data": 1, "fsdp": 2, "expert": 2, "tensor": 2},
}


@pytest.fixture
def source(tokenizer_dir, tmp_path):
    shape = ModelConfig(
        family="qwen3_moe",
        vocab_size=64,
        hidden_size=32,
        ffn_size=48,
        num_layers=2,
        num_heads=4,
        num_kv_heads=2,
        head_dim=8,
        qk_norm=True,
        num_experts=4,
        experts_per_token=2,
        expert_ffn_size=16,
        tie_embeddings=False,
        param_dtype="bfloat16",
    )
    model = Transformer(shape, rngs=nnx.Rngs(0))
    return export_model(model, tmp_path / "source", tokenizer_dir=tokenizer_dir)


def round_trips(source, out, processes: int) -> list[list[list[str]]]:
    """The words of each line that is ours, by process."""
    arguments = (str(processes), str(source), str(out), json.dumps(MESHES))
    outputs = run_script(ROUND_TRIPS, *arguments, devices=DEVICES // processes, processes=processes)
    lines = [[line.split(maxsplit=2) for line in output.splitlines()] for output in outputs]
    ours = (["read"], ["refused"])  # libraries print lines too, empty ones among them
    return [[words for words in each if words[:1] in ours] for each in lines]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_round_trip_over_a_mesh_keeps_every_byte_and_reads_none_twice(source, tmp_path, processes):
    printed = round_trips(source, tmp_path / "out", processes)
    expected = (source / "model.safetensors").read_bytes()
    for name in MESHES:
        assert (tmp_path / "out" / name / "model.safetensors").read_bytes() == expected, name
        assert json.loads((tmp_path / "out" / name / "config.json").read_text())["dtype"] == "bfloat16"
    header = int.from_bytes(expected[:8], "little") + 8
    read = [{name: int(count) for _, name, count in lines[:-1]} for lines in printed]
    whole = len(expected) - header
    for each in read:
        assert each["copies"] == whole
        # Norms of heads are on every device of `fsdp`; all else is split.
        assert whole / processes <= each["fsdp"] <= whole / processes + 0.05 * whole
    refusals = {" ".join(lines[-1]) for lines in printed}
    assert refusals == {f"refused {tmp_path / 'out' / 'experts'} exists: remove it or choose another name."}
