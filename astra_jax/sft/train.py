"""SFT from a configuration to a Hugging Face directory; the same call again goes on where it was killed."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh
from rich.console import Console

from astra_jax.sft.ahead import Ahead
from astra_jax.sft.export import export
from astra_jax.sft.judging import Judge, make_judge
from astra_jax.sft.lora import freeze
from astra_jax.sft.mixture import cache_of, load_mixture, make_batches
from astra_jax.sft.model import load_model
from astra_jax.sft.settings import before, chat_format, check
from astra_jax.sft.sources import all_rows, digest, sources_of
from astra_jax.sft.step import make_step
from astra_jax.sharding import make_mesh
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.batch import place as place_batch
from astra_jax.training.checkpoint import CheckpointManager
from astra_jax.training.distributed import any_process, check_same, once
from astra_jax.training.interruption import Interrupted, StopRequests
from astra_jax.training.metrics import MetricsWriter, check_finite
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.progress import StepProgress
from astra_jax.training.run_folder import RunFolder
from astra_jax.training.settings import BadSetting, part_of
from astra_jax.training.sources import digest_all
from astra_jax.training.state import TrainState, join_model, split_trained
from astra_jax.training.state import place as place_state
from astra_jax.training.step import TrainStep
from astra_jax.training.utilisation import Utilisation
from astra_jax.training.weights import WeightsFolder
from data_synthesis.records import BadRecord

HF_FOLDER = "hf"
_LOSS = "held_out/loss"  # by which weights are the best
SHOWN = ("loss", _LOSS, "arenas/f1", "time/tokens_per_second")  # in the terminal

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


@dataclass
class Run:
    """A run in progress: what does not change from step to step, and what does."""

    graph: nnx.GraphDef
    frozen: dict | None  # the weights that are not in `state`; None: all are
    mesh: Mesh
    step: TrainStep
    judge: Judge
    utilisation: Utilisation
    state: TrainState
    batches: Ahead
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
        BadRecord: a row of the data cannot be read, and `config.data.bad_rows` is `stop`.
        PipelineError: the package that reads a source's kind of file is missing.
        FloatingPointError: the loss is no longer a number.
        SaveFailed: a checkpoint could not be written.
        Interrupted: the process was asked to stop, and has saved its last step.
    """
    check(config)
    data = digest_all([digest(source.path) for source in sources_of(config)])
    check_same("data of config.data", data)
    digests = {"data_sha256": data}
    if config.eval.path:
        digests["eval_sha256"] = digest(Path(config.eval.path))
    folder = RunFolder(config.run_dir, config.to_dict() | digests, before=before(config))
    try:
        if not any_process(folder.result() is not None):
            _run(config, folder, console or Console())
        return folder.path / HF_FOLDER
    finally:
        folder.close()


def _run(config: Config, folder: RunFolder, console: Console) -> None:
    mesh = make_mesh(**config.mesh)
    tokenizer = _load_tokenizer(config, folder)
    background = config.save_in_background
    with ExitStack() as stack:
        checkpoints = CheckpointManager(folder.checkpoints, config.keep, in_background=background)
        stack.callback(checkpoints.close)
        weights = WeightsFolder(
            folder.path / "weights",
            every=config.weights_every,
            best=config.keep_best,
            in_background=background,
        )
        stack.callback(weights.close)
        run = _prepare(config, folder, mesh, tokenizer, console)
        folder.begin()
        _resume(run, checkpoints, weights)
        if int(run.state.step) < run.total_steps:
            _loop(config, folder, run, checkpoints, weights, console)
    # An export is complete or absent, like a checkpoint: what is there is of the same weights.
    if not any_process((folder.path / HF_FOLDER).exists()):
        model = join_model(run.graph, run.state.params, run.frozen)
        template = chat_format(config).template_for(tokenizer)
        export(config, model, folder.path / HF_FOLDER, tokenizer.directory, template)
    folder.finish({"step": run.total_steps, "hf": HF_FOLDER})


def _load_tokenizer(config: Config, folder: RunFolder) -> Tokenizer:
    """The one that the configuration names; else one for a model from nothing, trained on the rows, once."""
    if named := config.tokenizer or config.model.path:
        return Tokenizer(named)
    own = folder.path / "tokenizer"
    # One from before the run has begun may be of other rows.
    kept = folder.has_begun and own.exists()
    once("tokenizer", lambda: None if kept else _train_tokenizer(config, own))
    return Tokenizer(own)


def _train_tokenizer(config: Config, path: Path) -> None:
    rejects: list[BadRecord] | None = None if config.data.bad_rows == "stop" else []
    rows = list(all_rows(sources_of(config), rejects))
    part = path.with_name(path.name + ".part")
    train_tokenizer(rows, part, vocab_size=config.tokenizer_vocab, format=chat_format(config))
    _replace(path, part)


def _replace(path: Path, part: Path) -> None:
    """Puts a tokenizer in the place of an earlier one, and of nothing else."""
    if path.exists():
        if others := {file.name for file in path.iterdir()} - {file.name for file in part.iterdir()}:
            raise BadSetting(
                f"{path} holds {min(others)}, and a tokenizer of the rows would take its place: name it in "
                "config.tokenizer, or give another config.run_dir"
            )
        shutil.rmtree(path)
    part.rename(path)


def _prepare(config: Config, folder: RunFolder, mesh: Mesh, tokenizer: Tokenizer, console: Console) -> Run:
    mixture = load_mixture(config, folder, tokenizer, console)
    steps, batches = make_batches(config, mixture)
    model = load_model(config, tokenizer, mesh)
    freeze(config, model, mesh)
    graph, params, frozen = split_trained(model)
    optimizer = make_optimizer(part_of(config, "optimizer", OptimizerConfig), steps, model)
    state = place_state(TrainState.create(params, optimizer.transform), mesh)
    return Run(
        graph,
        frozen,
        mesh,
        make_step(config, model, optimizer, state, frozen),
        make_judge(config, model, mesh, cache_of(config, folder), tokenizer, console),
        Utilisation.of(model, mesh.devices.ravel().tolist()),
        state,
        Ahead(batches),
        steps,
    )


def _resume(run: Run, checkpoints: CheckpointManager, weights: WeightsFolder) -> None:
    if checkpoints.latest() is not None:
        restored = checkpoints.restore(run.state)
        run.state = restored.state
        run.batches.set_state(restored.extra["batches"])
        # A kill may have come between the checkpoint and the weights of its step, both written in the background.
        weights.save(int(run.state.step), run.state.params, restored.extra.get(_LOSS))


def _loop(
    config: Config,
    folder: RunFolder,
    run: Run,
    checkpoints: CheckpointManager,
    weights: WeightsFolder,
    console: Console,
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
            judged = run.judge(step, run.state.params, is_last)
            if step % config.log_every == 0 or is_last or judged:
                writer(step, metrics | judged)
                progress(step, {name: (metrics | judged)[name] for name in SHOWN if name in metrics | judged})
            check_finite(step, metrics)
            stops = any_process(stop.seen)
            saves = step % config.checkpoint_every == 0 or is_last or stops
            if saves:
                weights.wait()  # a run that goes on from this checkpoint can make those of its step alone
            weights.save(step, run.state.params, judged.get(_LOSS))
            if saves:
                checkpoints.save(run.state, {"batches": run.batches.get_state(), _LOSS: judged.get(_LOSS)})
            if stops and not is_last:
                raise Interrupted(step)


def _update(run: Run) -> dict[str, Any]:
    start = time.perf_counter()
    batch = run.batches.take()
    taken = time.perf_counter()
    with jax.set_mesh(run.mesh):
        run.state, on_device = run.step(run.state, place_batch(batch, run.mesh))
    run.batches.make_next()
    metrics = jax.device_get(on_device)
    seconds = time.perf_counter() - start
    return metrics | {
        "time/step": seconds,
        "time/data": taken - start,
        "time/tokens_per_second": metrics["tokens"] / seconds,
        **run.utilisation.metrics(batch, seconds),
    }
