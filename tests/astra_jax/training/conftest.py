import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from astra_jax.models.config import ModelConfig
from astra_jax.models.transformer import Transformer
from astra_jax.training.state import split_model

TINY = ModelConfig(
    family="qwen3",
    vocab_size=61,
    hidden_size=16,
    ffn_size=32,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=4,
    qk_norm=True,
    init_std=0.3,
)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file and no folder takes its name any more."""

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((os, "rename"), (os, "replace"), (Path, "rename")):
            patch.setattr(owner, name, full)
        yield


@pytest.fixture(scope="module", autouse=True)
def _compile_quickly(compile_quickly):
    pass


@pytest.fixture(scope="module")
def tiny_model() -> Transformer:
    return Transformer(TINY, rngs=nnx.Rngs(0))


@pytest.fixture
def tiny(tiny_model):
    """The structure and fresh weights of a tiny Qwen3 (a step donates what it is given)."""
    graph, params = split_model(tiny_model)
    return graph, jax.tree.map(jnp.copy, params)
