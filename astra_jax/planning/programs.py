"""The functions that a run jits, with abstract arguments: a plan compiles what the trainer and the engine call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from astra_jax.inference.device_steps import DecodeRows, decode_steps, prefill_chunk
from astra_jax.models import ModelConfig, Transformer, abstract_model, init_cache
from astra_jax.models.cache import CACHE_AXES
from astra_jax.planning.shapes import shape_of
from astra_jax.rl import step as rl_step
from astra_jax.rl.handover import divided, engine_meshes
from astra_jax.rl.settings import training_mesh
from astra_jax.sft import step as sft_step
from astra_jax.sft.lora import abstract as abstract_adapted
from astra_jax.sharding import make_mesh, named_sharding
from astra_jax.training import flops
from astra_jax.training.batch import PackedBatch
from astra_jax.training.optimizer import Optimizer, OptimizerConfig, make_optimizer
from astra_jax.training.settings import BadSetting, part_of
from astra_jax.training.state import (
    TrainState,
    abstract_frozen,
    abstract_params,
    abstract_state,
    computed_dtypes,
    split_model,
)

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

# Steps of the learning-rate schedule: no figure of a plan depends on it.
SCHEDULE_STEPS = 1000


@dataclass(frozen=True)
class Program:
    """A jitted function and what it is called with on `mesh`."""

    kind: str  # sft, rl, prefill, decode
    mesh: Mesh
    model: Transformer  # abstract
    lower: Callable[[], jax.stages.Lowered]
    arguments: dict[str, Any]  # what the caller holds (parameters, batch, ...) -> a tree of abstract arrays
    beside: dict[str, Any]  # what else the run keeps on the devices meanwhile, in the same way
    size: str  # of the work, in words: `16 rows of 4,096 tokens`
    tokens: int  # that the work reads or samples
    flops: float  # that it needs (`training.flops`)
    attention: Attention


@dataclass(frozen=True)
class Attention:
    """What kernels of attention go over in all: rows, and their length."""

    rows: int
    length: int


def kinds_of(config: Config) -> tuple[str, ...]:
    """What a configuration's run compiles: `sft`, `rl`, or `prefill` and `decode`."""
    if "batch_rows" in config:
        return ("sft",)
    return ("rl", "prefill", "decode") if "micro_rows" in config else ("prefill", "decode")


def serves(config: Config) -> bool:
    """Whether it is of a server: an engine alone, over a mesh of its own."""
    return "weights_dtype" in config


def build(kind: str, config: Config, devices: Sequence[Any]) -> Program:
    """The program `kind` of `config` on a mesh of `devices`, which may be of a slice that is not there.

    Raises:
        BadSetting: the configuration has no such program, or names no shape.
        ShardingError: the mesh does not use the devices, or the model does not divide over it.
    """
    if kind not in kinds_of(config):
        raise BadSetting(f"this configuration has no {kind!r} step; it has: {', '.join(kinds_of(config))}")
    return {"sft": _sft, "rl": _rl, "prefill": _prefill, "decode": _decode}[kind](config, devices)


def lowered(program: Program) -> jax.stages.Lowered:
    """The program as the compiler takes it.

    Raises:
        BadSetting: it cannot be made with these sizes.
    """
    try:
        return program.lower()
    except ValueError as error:  # a size that the model's kernels cannot have
        raise BadSetting(str(error)) from error


def _sft(config: Config, devices: Sequence[Any]) -> Program:
    mesh = make_mesh(**config.mesh, devices=devices)
    model = abstract_adapted(config, sft_step.as_computed(config, shape_of(config)))
    optimizer, state = _start(config, model, mesh)
    rows, length = config.batch_rows, config.data.sequence_length
    batch = _batch(mesh, rows, length)
    frozen = abstract_frozen(model, mesh)
    step = sft_step.make_step(config, model, optimizer, state, frozen)
    return _update("sft", mesh, model, step, state, batch, rows // config.micro_batches, {}, frozen)


def _rl(config: Config, devices: Sequence[Any]) -> Program:
    mesh, model, optimizer, state = _trainer(config, devices)
    # At worst every episode fills a row of its own.
    rows = config.groups_per_batch * config.group_size
    rows += -rows % config.micro_rows
    batch = _batch(mesh, rows, config.row_length, reinforced=True, shared=config.share_prompts)
    if config.kl_coefficient:
        batch = replace(batch, reference_logprobs=batch.sampler_logprobs)
    step = rl_step.make_step(config, model, optimizer, state, rows)
    beside = _reference(config, model, state)
    if not config.engine_devices:
        _, _, weights, cache = _engine(config, devices)
        beside |= {"engine's weights": weights, "engine's cache": cache}
    return _update("rl", mesh, model, step, state, batch, config.micro_rows, beside)


def _trainer(config: Config, devices: Sequence[Any]) -> tuple[Mesh, Transformer, Optimizer, TrainState]:
    mesh = training_mesh(config, devices)
    model = abstract_model(rl_step.as_computed(config, shape_of(config)))
    return mesh, model, *_start(config, model, mesh)


def _start(config: Config, model: Transformer, mesh: Mesh) -> tuple[Optimizer, TrainState]:
    optimizer = make_optimizer(part_of(config, "optimizer", OptimizerConfig), SCHEDULE_STEPS, model)
    return optimizer, abstract_state(model, optimizer.transform, mesh)


def _update(
    kind: str,
    mesh: Mesh,
    model: Transformer,
    step: Any,
    state: TrainState,
    batch: PackedBatch,
    at_once: int,
    beside: dict[str, Any],
    frozen: Any = None,
) -> Program:
    rows, length = batch.tokens.shape
    held = {} if frozen is None else {"frozen weights": frozen}

    def lower() -> jax.stages.Lowered:
        with jax.set_mesh(mesh):
            return step.lower(state, batch)

    return Program(
        kind,
        mesh,
        model,
        lower,
        held | {"parameters": state.params, "optimizer state": state.opt_state, "batch": batch},
        beside,
        f"{rows} rows of {length:,} tokens, {at_once} at a time",
        rows * length,
        flops.train_flops(model, rows, length),
        Attention(rows, length),
    )


def _batch(mesh: Mesh, rows: int, length: int, reinforced: bool = False, shared: bool = False) -> PackedBatch:
    place = named_sharding(mesh, ("batch", "time"), (rows, length), name="batch")
    integers: Any = jax.ShapeDtypeStruct((rows, length), jnp.int32, sharding=place)
    reals: Any = jax.ShapeDtypeStruct((rows, length), jnp.float32, sharding=place)
    return PackedBatch(
        tokens=integers,
        targets=integers,
        positions=integers,
        segment_ids=integers,
        parent_ids=integers if shared else None,
        loss_weights=reals,
        advantages=reals if reinforced else None,
        sampler_logprobs=reals if reinforced else None,
    )


def _prefill(config: Config, devices: Sequence[Any]) -> Program:
    size = config.engine
    mesh, model, weights, cache = _engine(config, devices)
    rows, new = size.prefill_rows, size.prefill_tokens
    tokens = _everywhere(mesh, np.zeros((rows, new), np.int32))
    row = _everywhere(mesh, np.zeros(rows, np.int32))

    def lower() -> jax.stages.Lowered:
        with jax.set_mesh(mesh):
            return prefill_chunk.lower(split_model(model)[0], weights, cache, row, tokens, tokens)

    return Program(
        "prefill",
        mesh,
        model,
        lower,
        {"parameters": weights, "cache": cache},
        _held_by_trainer(config, devices),
        f"{rows} rows of {new:,} new tokens; {size.slots} slots of {size.context:,}",
        rows * new,
        flops.extend_flops(model, rows, new, size.context, logits=False),
        Attention(rows, size.context),
    )


def _decode(config: Config, devices: Sequence[Any]) -> Program:
    size = config.engine
    mesh, model, weights, cache = _engine(config, devices)
    idle = DecodeRows.idle(size.slots, size.stop_ids, model.config.vocab_size, size.decode_tokens)
    rows = _everywhere(mesh, idle)

    def lower() -> jax.stages.Lowered:
        with jax.set_mesh(mesh):
            return decode_steps.lower(split_model(model)[0], weights, cache, rows)

    return Program(
        "decode",
        mesh,
        model,
        lower,
        {"parameters": weights, "cache": cache},
        _held_by_trainer(config, devices),
        f"{size.decode_tokens} tokens for each of {size.slots} slots of {size.context:,}",
        size.slots * size.decode_tokens,
        flops.extend_flops(model, size.slots, size.decode_tokens, size.context, logits=True),
        Attention(size.slots, size.context),
    )


def _engine(config: Config, devices: Sequence[Any]) -> tuple[Mesh, Transformer, Any, Any]:
    """An engine's mesh, model, weights and cache."""
    if serves(config):
        mesh = make_mesh(**config.mesh, devices=devices)
        shape = replace(
            shape_of(config), param_dtype=config.weights_dtype, compute_dtype=config.weights_dtype
        )
    else:
        _, sampling = divided(config.engine_devices, devices)
        mesh = engine_meshes(config.engine_tensor, sampling)[0]
        shape = rl_step.as_computed(config, shape_of(config))
    model = abstract_model(shape)
    weights = _read(abstract_params(model, mesh), model)
    return mesh, model, weights, _cache(shape, config.engine.slots, config.engine.context, mesh)


def _held_by_trainer(config: Config, devices: Sequence[Any]) -> dict[str, Any]:
    """What RL's update keeps on the devices while they sample; nothing on those that only do that."""
    if serves(config) or config.engine_devices:
        return {}
    _, model, _, state = _trainer(config, devices)
    held = {"trainer's parameters": state.params, "trainer's optimizer state": state.opt_state}
    return held | _reference(config, model, state)


def _reference(config: Config, model: Transformer, state: TrainState) -> dict[str, Any]:
    """What `rl.reference.Reference` keeps of the model that the run started from."""
    return {"reference's weights": _read(state.params, model)} if config.kl_coefficient else {}


def _read(params: Any, model: Transformer) -> Any:
    """Weights in the types that products read."""
    return jax.tree.map(
        lambda x, dtype: jax.ShapeDtypeStruct(x.shape, dtype, sharding=x.sharding),
        params,
        computed_dtypes(model),
    )


def _cache(shape: ModelConfig, slots: int, context: int, mesh: Mesh) -> Any:
    """Rows over the axes of a batch, heads over that of heads: as weights of a tensor mesh lie."""
    cache = jax.eval_shape(lambda: init_cache(shape, slots, context))
    return jax.tree.map(lambda x: _placed(x, named_sharding(mesh, CACHE_AXES, x.shape, name="cache")), cache)


def _everywhere(mesh: Mesh, tree: Any) -> Any:
    return jax.tree.map(lambda x: _placed(x, NamedSharding(mesh, PartitionSpec())), tree)


def _placed(x: Any, sharding: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)
