"""Which engine samples a run's episodes, and how it comes by the trainer's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import jax
from flax import nnx

from astra_jax.checkpoints.hf import export_model
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import GenerationEngine, WeightSync
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.sglang.connect import connect
from astra_jax.inference.sglang.weights import WeightFolders
from astra_jax.rl.handover import Handover, divided
from astra_jax.rl.simulated import SimulatedEngine
from astra_jax.training.settings import part_of
from astra_jax.training.state import join_model

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


class RolloutEngine(GenerationEngine, WeightSync, Protocol):
    """What a run samples with. `push` takes the trainer's parameters as they lie on its mesh; all processes call it."""

    @property
    def episodes_at_once(self) -> int:
        """How many episodes keep it busy."""
        ...

    def describe(self) -> str:
        """What it is, for the user."""
        ...

    def close(self) -> None:
        """Lets connections and threads go."""
        ...


def make_engine(config: Config, graph: nnx.GraphDef, params: Any) -> RolloutEngine:
    """The engine that `config` asks for. One in this process has the weights `params`; servers have their own.

    Args:
        graph: of the model, as `training.state.split_model` gives it with `params`.

    Raises:
        BadSetting: servers are asked for, and what talks to them is not installed.
        ShardingError: `config.engine_tensor` does not divide the devices of a process, or the model; or
            `config.engine_devices` leaves none to train.
        ServersDown, UnfitServer: no server answers, or one cannot do what training needs of it.
    """
    if config.simulated.token_s:
        vocab_size = join_model(graph, params).config.vocab_size
        return SimulatedEngine(vocab_size, config.simulated.token_s, 2 * config.engine.slots)
    if config.servers.urls:
        return _servers(config, graph)
    _, devices = divided(config.engine_devices, jax.devices())
    beside = config.async_steps > 0 and not config.engine_devices
    handover = Handover(join_model(graph, params), config.engine_tensor, devices, copies=beside)
    return InThisProcess(graph, params, handover, part_of(config, "engine", EngineSize))


def _servers(config: Config, graph: nnx.GraphDef) -> RolloutEngine:
    s = config.servers

    def export(weights: Any, folder: Path) -> None:
        export_model(
            join_model(graph, weights), folder, tokenizer_dir=config.model, dtype=config.compute_dtype
        )

    directory = Path(s.weights_dir or Path(config.run_dir) / "weights")
    return connect(config, WeightFolders(directory, export, keep=s.keep))


class InThisProcess(EnginePool):
    """Engines on the devices that train, or on others of this process."""

    def __init__(self, graph: nnx.GraphDef, params: Any, handover: Handover, size: EngineSize):
        self._handover = handover
        models = [join_model(graph, weights) for weights in handover(params)]
        super().__init__(
            [JaxEngine(model, size, mesh) for model, mesh in zip(models, handover.meshes, strict=True)]
        )

    def push(self, weights: Any, version: int) -> None:
        """Requests under way go on with the new weights."""
        self.pause()
        for engine, mine in zip(self.engines, self._handover(weights), strict=True):
            engine.push(mine, version)
        self.resume()

    def describe(self) -> str:
        return f"{len(self.engines)} in this process"


class Unused:
    """No engine: batches are read, and nothing is played."""

    episodes_at_once = 1

    async def generate(self, token_ids: Any, sampling: Any, *, session: str = "") -> Any:
        raise AssertionError("nothing is sampled in this run")

    def release(self, session: str) -> None:
        pass

    def push(self, weights: Any, version: int) -> None:
        pass

    def describe(self) -> str:
        return "none, batches are read"

    def close(self) -> None:
        pass
