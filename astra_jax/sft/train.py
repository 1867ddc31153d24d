"""SFT from a configuration to a Hugging Face directory; the same call again goes on where it was killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import grain
import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh
from rich.console import Console

from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.models.config import ModelConfig, Remat
from astra_jax.models.induction import start_with_induction
from astra_jax.models.transformer import Transformer, abstract_model
from astra_jax.sft.data import BadRows, Packing, TooLong, count_batches, digest, load_samples, make_dataset
from astra_jax.sft.step import as_computed, make_step
from astra_jax.sharding import make_mesh
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.tokens.templates import FORMATS
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.batch import place as place_batch
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.distributed import any_process, check_same, is_first, once, put
from astra_jax.training.interruption import Interrupted, StopRequests
from astra_jax.training.metrics import MetricsWriter, check_finite
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample
from astra_jax.training.progress import StepProgress
from astra_jax.training.run_folder import RunFolder, write_json
from astra_jax.training.settings import BadSetting, choose
from astra_jax.training.state import TrainState, join_model, param_shardings, split_model, with_config
from astra_jax.training.state import place as place_state
from astra_jax.training.step import TrainStep
from data_synthesis.records import BadRecord, Trajectory, read_records

HF_FOLDER = "hf"

# What is done to the weights of a model that was just drawn, given the seed.
STARTS: dict[str, Callable[[Transformer, int], None] | None] = {
    "noise": None,
    "induction": start_with_induction,
}

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


@dataclass
class Run:
    """A run in progress: what does not change from step to step, and what does."""

    graph: nnx.GraphDef
    mesh: Mesh
    step: TrainStep
    state: TrainState
    batches: grain.DatasetIterator
    total_steps: int


def train(config: Config, console: Console | None = None) -> Path:
    """Trains as `config` says (`configs/sft/base.py` has every field) and returns the Hugging Face directory.

    A run is its folder, `config.run_dir`: after a kill at any moment, the same call continues from the last
    checkpoint, and on CPU ends with the same weights, bit for bit. A finished run returns at once.

    In a run of several processes (`astra_jax.pods`) all call it with the same configuration, after
    `training.distributed.join`.

    Raises:
        BadSetting: a value of the configuration, or the data that it names, cannot be used.
        ConfigChanged: the folder was started with another configuration or other data.
        BadRecord: a line of the data is no trajectory, and `config.data.bad_rows` is `stop`.
        FloatingPointError: the loss is no longer a number.
        Interrupted: the process was asked to stop, and has saved its last step.
    """
    _check(config)
    data = digest(config.data.path)
    check_same("data file config.data.path", data)
    folder = RunFolder(config.run_dir, config.to_dict() | {"data_sha256": data})
    try:
        if not any_process(folder.result() is not None):
            _run(config, folder, console or Console())
        return folder.path / HF_FOLDER
    finally:
        folder.close()


def _check(config: Config) -> None:
    """Says what is wrong with a configuration before anything is loaded.

    Raises:
        BadSetting: names the field.
    """
    given = {
        "run_dir": config.run_dir,
        "data.path": config.data.path,
        "tokenizer (or model.path)": config.tokenizer or config.model.path or config.tokenizer_vocab,
    }
    for name, value in given.items():
        if not value:
            raise BadSetting(f"config.{name} is empty: it has no default")
    if config.preset and not config.model.path:
        raise BadSetting(
            f"config.preset is {config.preset!r}, a shape for plans: a run needs config.model.path, the Hugging Face "
            "directory of such a model"
        )
    if (config.steps > 0) == (config.epochs > 0):
        raise BadSetting(
            f"config.steps is {config.steps} and config.epochs {config.epochs}: exactly one of them must be positive"
        )
    choose("chat_format", config.chat_format, FORMATS)
    choose("model.start", config.model.start, STARTS)
    choose("model.remat", config.model.remat, dict.fromkeys(get_args(Remat)))
    choose("data.too_long", config.data.too_long, dict.fromkeys(get_args(TooLong)))
    choose("data.bad_rows", config.data.bad_rows, dict.fromkeys(get_args(BadRows)))
    if config.batch_rows % config.micro_batches:
        raise BadSetting(
            f"config.batch_rows is {config.batch_rows}: it does not divide into {config.micro_batches} micro_batches"
        )


def _run(config: Config, folder: RunFolder, console: Console) -> None:
    tokenizer = _load_tokenizer(config, folder)
    checkpoints = CheckpointManager(folder.checkpoints, config.keep)
    try:
        run = _prepare(config, folder, tokenizer, console)
        _resume(run, checkpoints)
        with jax.set_mesh(run.mesh):
            _loop(config, folder, run, checkpoints, console)
    finally:
        checkpoints.close()
    # An export is complete or absent, like a checkpoint: what is there is of the same weights.
    if not any_process((folder.path / HF_FOLDER).exists()):
        export_model(
            join_model(run.graph, run.state.params),
            folder.path / HF_FOLDER,
            tokenizer_dir=tokenizer.directory,
            chat_template=FORMATS[config.chat_format].template_for(tokenizer),
        )
    folder.finish({"step": run.total_steps, "hf": HF_FOLDER})


def _load_tokenizer(config: Config, folder: RunFolder) -> Tokenizer:
    """The one that the configuration names; else one for a model from nothing, trained on the rows, once."""
    if named := config.tokenizer or config.model.path:
        return Tokenizer(named)
    own = folder.path / "tokenizer"
    once("tokenizer", lambda: None if own.exists() else _train_tokenizer(config, own))
    return Tokenizer(own)


def _train_tokenizer(config: Config, path: Path) -> None:
    rejects: list[BadRecord] | None = None if config.data.bad_rows == "stop" else []
    rows = list(read_records(config.data.path, Trajectory, rejects=rejects))
    part = path.with_name(path.name + ".part")
    train_tokenizer(rows, part, vocab_size=config.tokenizer_vocab, format=FORMATS[config.chat_format])
    part.rename(path)


def load_model(config: Config, tokenizer: Tokenizer, mesh: Mesh) -> Transformer:
    """The model of `config.model.path`, or one drawn from `config.seed` when there is no path, on `mesh`.

    Raises:
        BadSetting: `config.model.start` is none of `STARTS`.
    """
    if config.model.path:
        imported = import_model(config.model.path, mesh=mesh)
        return with_config(imported, as_computed(config, imported.config))
    start = choose("model.start", config.model.start, STARTS)
    shape = as_computed(config, ModelConfig(vocab_size=tokenizer.vocab_size, **config.model.init))
    if start is None:
        return _draw_model(shape, config.seed, mesh)
    # It changes whole arrays, and only small models have one.
    whole = _draw_model(shape, config.seed, make_mesh(devices=jax.local_devices()[:1]))
    start(whole, config.seed)
    graph, params = split_model(whole)
    placed = jax.tree.map(lambda x, place: put(np.asarray(x), place), params, param_shardings(whole, mesh))
    return join_model(graph, placed)


def _draw_model(shape: ModelConfig, seed: int, mesh: Mesh) -> Transformer:
    """A model with random weights, each drawn where it will live: no device ever holds all of a large model."""
    abstract = abstract_model(shape)
    draw = jax.jit(
        lambda: split_model(Transformer(shape, rngs=nnx.Rngs(seed)))[1],
        out_shardings=param_shardings(abstract, mesh),
    )
    return join_model(split_model(abstract)[0], draw())


def _prepare(config: Config, folder: RunFolder, tokenizer: Tokenizer, console: Console) -> Run:
    samples = _load_samples(config, folder, tokenizer, console)
    steps, batches = _batches(config, samples)
    mesh = make_mesh(**config.mesh)
    model = load_model(config, tokenizer, mesh)
    graph, params = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(**config.optimizer), steps, model)
    state = place_state(TrainState.create(params, optimizer.transform), mesh)
    return Run(graph, mesh, make_step(config, model, optimizer, state), state, batches, steps)


def _load_samples(config: Config, folder: RunFolder, tokenizer: Tokenizer, console: Console) -> list[Sample]:
    samples, report = load_samples(
        config.data.path,
        tokenizer,
        FORMATS[config.chat_format],
        config.data.sequence_length,
        too_long=config.data.too_long,
        bad_rows=config.data.bad_rows,
    )
    if is_first():
        write_json(folder.path / "data.json", report.as_json())
    console.print(f"sft: {report.sentence()}", highlight=False)
    return samples


def _batches(config: Config, samples: Sequence[Sample]) -> tuple[int, grain.DatasetIterator]:
    """How many steps the run has, and their batches."""
    steps, epochs = config.steps, config.epochs
    packing = Packing(config.data.sequence_length, config.batch_rows, config.data.packed, config.data.window)
    dataset = make_dataset(samples, packing, seed=config.seed, epochs=epochs or None)
    return steps or count_batches(samples, packing, seed=config.seed, epochs=epochs), iter(dataset)


def _resume(run: Run, checkpoints: CheckpointManager) -> None:
    if checkpoints.latest() is not None:
        restored = checkpoints.restore(run.state)
        run.state = restored.state
        run.batches.set_state(restored.extra["batches"])


def _loop(
    config: Config, folder: RunFolder, run: Run, checkpoints: CheckpointManager, console: Console
) -> None:
    done = int(run.state.step)
    with (
        closing(MetricsWriter(folder.path, last_step=done)) as writer,
        StepProgress("sft", run.total_steps, done, console) as progress,
        StopRequests() as stop,
    ):
        for step in range(done + 1, run.total_steps + 1):
            is_last = step == run.total_steps
            metrics = _update(run)
            if step % config.log_every == 0 or is_last:
                writer(step, metrics)
                progress(step, {name: metrics[name] for name in ("loss", "time/tokens_per_second")})
            stops = any_process(stop.seen)
            if step % config.checkpoint_every == 0 or is_last or stops:
                check_finite(step, metrics["loss"])
                checkpoints.save(run.state, {"batches": run.batches.get_state()})
            if stops and not is_last:
                raise Interrupted(step)


def _update(run: Run) -> dict[str, Any]:
    start = time.perf_counter()
    run.state, on_device = run.step(run.state, place_batch(next(run.batches), run.mesh))
    metrics = jax.device_get(on_device)
    seconds = time.perf_counter() - start
    return metrics | {"time/step": seconds, "time/tokens_per_second": metrics["tokens"] / seconds}
