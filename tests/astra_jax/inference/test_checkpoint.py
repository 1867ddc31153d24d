"""A checkpoint is sampled from in the type that is asked for, by an engine and behind a server."""

from __future__ import annotations

import asyncio

import jax
import numpy as np
import pytest
from flax import nnx

from astra_jax.inference.checkpoint import sampling_model
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import Sampling
from astra_jax.training.settings import BadSetting
from tests.astra_jax.inference.server.conftest import model_in, serving
from tests.astra_jax.inference.server.test_native import post


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_in(tmp_path_factory.mktemp("checkpoint"), 0)


def test_weights_products_and_cache_are_in_half_precision(folder):
    model = sampling_model(folder, "bfloat16")
    engine = JaxEngine(model, EngineSize(slots=2, context=64))
    arrays = [*jax.tree.leaves(nnx.state(model, nnx.Param)), *jax.tree.leaves(engine._slots.cache)]
    assert {x.dtype.name for x in arrays} == {"bfloat16"}
    sampling = Sampling(8, (), temperature=0.0)
    drawn = asyncio.run(engine.generate([270, 271, 272], sampling))
    single = JaxEngine(sampling_model(folder, "float32"), EngineSize(slots=2, context=64))
    exact = asyncio.run(single.generate([270, 271, 272], sampling))
    assert 0 < np.abs(drawn.logprobs[0] - exact.logprobs[0]) < 0.05  # rounded, and no more than that


def test_a_server_keeps_its_type_when_it_reads_new_weights(folder, tmp_path):
    other = model_in(tmp_path / "other", 1)
    with serving(folder, EngineSize(slots=2, context=64), dtype="bfloat16") as (address, service):
        assert post(address, "/update_weights_from_disk", {"model_path": str(other)})["success"]
        (engine,) = service.engines.engines
        assert {x.dtype.name for x in jax.tree.leaves(engine._weights)} == {"bfloat16"}


def test_another_type_is_refused(folder):
    with pytest.raises(BadSetting, match=r"config\.dtype is 'float16'; it is one of"):
        sampling_model(folder, "float16")
