"""Which engine samples a run's episodes, and how it comes by the trainer's weights."""

from __future__ import annotations

from typing import Any, Protocol

import jax
from flax import nnx
from jax.sharding import Mesh

from astra_jax.inference.engine import EngineSize
from astra_jax.inference.interface import GenerationEngine, WeightSync
from astra_jax.inference.pool import EnginePool
from astra_jax.training.distributed import whole_here
from astra_jax.training.state import join_model

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


class RolloutEngine(GenerationEngine, WeightSync, Protocol):
    """What a run samples with. `push` takes the trainer's parameters as they lie on its mesh; all processes call it."""

    @property
    def episodes_at_once(self) -> int:
        """How many episodes keep it busy."""
        ...


def make_engine(config: Config, graph: nnx.GraphDef, params: Any, mesh: Mesh) -> RolloutEngine:
    """The engine that `config` asks for, with the weights `params`.

    Args:
        graph: of the model, as `training.state.split_model` gives it with `params`.
    """
    return OnEachDevice(graph, params, mesh, EngineSize(**config.engine))


class OnEachDevice(EnginePool):
    """In this process: each of its devices samples with an engine of its own, which holds all weights."""

    def __init__(self, graph: nnx.GraphDef, params: Any, mesh: Mesh, size: EngineSize):
        super().__init__(join_model(graph, whole_here(params, mesh)), size, jax.local_devices())
        self._mesh = mesh

    def push(self, weights: Any, version: int) -> None:
        super().push(whole_here(weights, self._mesh), version)
