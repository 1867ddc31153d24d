"""Each engine of a process has the trainer's weights, whole, over the devices that share it."""

import json

import jax
import pytest

from astra_jax.rl.handover import divided
from astra_jax.sharding import ShardingError
from tests.astra_jax.simulated import run_script

# As one process of four devices or two of two: a model on the trainer's mesh, to engines of two devices each.
SCRIPT = """
import asyncio, json, sys
from astra_jax.training import distributed
port, index, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
distributed.join(f"127.0.0.1:{port}", count, index, 60)
import jax, numpy as np
from flax import nnx
from ml_collections import ConfigDict
from astra_jax.inference.interface import Sampling
from astra_jax.models import ModelConfig, Transformer
from astra_jax.rl.engine import make_engine
from astra_jax.rl.handover import Handover, divided
from astra_jax.sharding import ShardingError, make_mesh
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.state import TrainState, join_model, place, split_model

shape = ModelConfig("qwen3", 64, 32, 48, 2, 4, 2, 8, qk_norm=True, init_std=0.16, compute_dtype=sys.argv[4])
graph, params = split_model(Transformer(shape, rngs=nnx.Rngs(0)))
whole = jax.tree.map(np.asarray, params)
optimizer = make_optimizer(OptimizerConfig(1e-2, "adafactor"), 3, join_model(graph, params))
mesh = make_mesh(fsdp=2, context=2)
trained = place(TrainState.create(params, optimizer.transform), mesh).params
handover = Handover(join_model(graph, trained), 2, jax.devices())
said = {"meshes": [[d.id for d in m.devices.flat] for m in handover.meshes], "same": [], "types": set(), "parts": set()}
for weights in handover(trained):
    for ours, theirs in zip(jax.tree.leaves(weights), jax.tree.leaves(whole), strict=True):
        said["same"].append(bool((np.asarray(ours) == theirs.astype(ours.dtype)).all()))
        said["types"].add(str(ours.dtype))
        said["parts"].add(ours.size // ours.addressable_shards[0].data.size)
said |= {"same": all(said["same"]), "types": sorted(said["types"]), "parts": sorted(said["parts"])}
try:
    Handover(join_model(graph, trained), 3, jax.devices())
except ShardingError as error:
    said["error"] = str(error)

size = dict(slots=4, context=64, prefill_rows=2, prefill_tokens=16, decode_tokens=4)
asked = {"engine_tensor": 2, "engine_devices": 0, "async_steps": 0, "engine": size, "servers": {"urls": ""}}
asked |= {"simulated": {"token_s": 0.0}}
engine = make_engine(ConfigDict(asked), graph, trained)
def sampled(version):
    done = asyncio.run(engine.generate([5, 6, 7], Sampling(8, (3,), seed=1), session="a"))
    engine.release("a")
    assert set(done.weight_versions) == {version}
    return done.token_ids, done.logprobs
first = sampled(0)
engine.push(jax.tree.map(lambda x: x * 1.5, trained), 1)
other = sampled(1)
engine.push(trained, 2)
said["sampled"] = [first == sampled(2), first != other]
said["tokens"] = first[0]

asked["engine_devices"] = 2
try:
    training, sampling = divided(2, jax.devices())
    apart = place(TrainState.create(params, optimizer.transform), make_mesh(fsdp=2, devices=training)).params
    engine = make_engine(ConfigDict(asked), graph, apart)
    said["apart"] = [d.id for e in engine.engines for x in jax.tree.leaves(e._weights) for d in x.devices()]
    before = sampled(0)
    engine.push(jax.tree.map(lambda x: x * 1.5, apart), 1)
    said["sampled_apart"] = [before == first, sampled(1) == other]
except ShardingError as error:
    said["error_apart"] = str(error)
print(json.dumps(said))
"""


def said_by(count: int, dtype: str = "float32") -> list[dict]:
    outputs = run_script(SCRIPT, str(count), dtype, devices=4 // count, processes=count)
    return [json.loads(output.splitlines()[-1]) for output in outputs]


@pytest.fixture(scope="module")
def alone() -> dict:
    return said_by(1)[0]


def test_a_process_has_an_engine_for_each_of_its_parts(alone):
    assert alone["meshes"] == [[0, 1], [2, 3]]
    assert alone["same"]
    assert alone["parts"] == [1, 2], "what has no axis that is split is whole on both"


def test_engines_sample_from_what_was_pushed_last(alone):
    assert alone["sampled"] == [True, True]


def test_devices_that_only_sample_draw_what_those_that_train_would(alone):
    assert set(alone["apart"]) == {2, 3}
    assert alone["sampled_apart"] == [True, True]


@pytest.mark.parametrize("count", [2, 3])
def test_of_the_devices_of_a_run_some_must_train(count):
    with pytest.raises(ShardingError, match=f"config.engine_devices is {count}: of 2 devices"):
        divided(count, jax.devices()[:1] * 2)


def test_devices_that_do_not_divide_are_an_error_that_names_the_field(alone):
    assert alone["error"].startswith("config.engine_tensor is 3: the 4 devices of a process do not divide")


def test_weights_come_in_the_types_that_products_read():
    (half,) = said_by(1, "bfloat16")
    assert half["same"]
    assert half["types"] == ["bfloat16", "float32"]


def test_over_two_processes_each_has_the_whole_of_them(alone):
    together = said_by(2)
    assert all(
        said["same"] and said["parts"] == [1, 2] and said["sampled"] == [True, True] for said in together
    )
    assert [len(said["meshes"]) for said in together] == [1, 1]
    assert all("let servers sample" in said["error_apart"] for said in together)
    assert [said["tokens"] for said in together] == [alone["tokens"]] * 2
