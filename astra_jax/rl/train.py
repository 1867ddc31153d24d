"""RL from a configuration to a Hugging Face directory; the same call again goes on where it was killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh
from rich.console import Console

from astra_jax.checkpoints.hf import export_model, import_model
from astra_jax.inference.checkpoint import episode_format
from astra_jax.inference.episodes import EpisodeLimits, Job, Player, derived_seed
from astra_jax.models import Transformer
from astra_jax.rl.alarms import Alarms, Limits
from astra_jax.rl.algorithms import make_algorithm
from astra_jax.rl.arena_stream import ArenaStream
from astra_jax.rl.batch_filling import BatchFiller, Filled, Group
from astra_jax.rl.batches import Batches
from astra_jax.rl.batching import to_batch
from astra_jax.rl.clock import Clock
from astra_jax.rl.curriculum import Curriculum
from astra_jax.rl.engine import Unused, make_engine
from astra_jax.rl.handshake import check_agreement, first_turns
from astra_jax.rl.metrics import rollout_metrics, source_metrics
from astra_jax.rl.reference import Reference
from astra_jax.rl.rewards import make_rewards
from astra_jax.rl.settings import before, check, check_mesh, resolved, sandbox_level, training_mesh
from astra_jax.rl.step import as_computed, make_step
from astra_jax.rl.update_metrics import update_metrics
from astra_jax.tokens import Tokenizer
from astra_jax.training.batch import place as place_batch
from astra_jax.training.checkpoint import CheckpointManager, CheckpointMismatch
from astra_jax.training.distributed import any_process, check_same, gather, is_first
from astra_jax.training.interruption import Interrupted, StopRequests
from astra_jax.training.metrics import MetricsWriter, Writer, check_finite, read_metrics
from astra_jax.training.optimizer import Optimizer, OptimizerConfig, make_optimizer
from astra_jax.training.progress import StepProgress
from astra_jax.training.run_folder import RunFolder
from astra_jax.training.settings import part_of
from astra_jax.training.state import TrainState, join_model, split_model, with_config
from astra_jax.training.state import place as place_state
from astra_jax.training.step import TrainStep
from data_synthesis.records import Episode, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

HF_FOLDER = "hf"
BATCHES_FOLDER = "batches"
_FIRST_TURNS = 4  # compared before the first update with servers

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def train(config: Config, console: Console | None = None) -> Path:
    """Trains as `config` says (`configs/rl/base.py` has every field) and returns the Hugging Face directory, or with
    `rollout_only` the folder of batches.

    A run is its folder, `config.run_dir`: after a kill at any moment, the same call continues from the last
    checkpoint, surplus groups included, and on CPU ends with the same weights, bit for bit.

    In a run of several processes (`astra_jax.pods`) all call it with the same configuration, after
    `training.distributed.join`. Each plays its share of the arenas, and all train on all episodes.

    Raises:
        BadSetting: a value of the configuration, or the arenas that it names, cannot be used.
        ConfigChanged: the folder was started with another configuration, other arenas or other batches.
        SandboxUnavailable: the sandbox offers less confinement than `config.sandbox_level`.
        FloatingPointError: the loss or its gradient is no longer a number.
        ServersDown, UnfitServer: no server answers, or one cannot do what training needs of it.
        PolicyMismatch: the servers do not sample from the policy that is trained.
        RewardFailed: a reward function fails for too many episodes.
        Interrupted: the process was asked to stop, and has saved its last step.
    """
    console = console or Console()
    check(config)
    check_mesh(config)
    arenas = ArenaStream.of(config)
    digests = {"arenas_sha256": arenas.digest}
    if config.train_only:
        digests["batches_sha256"] = Batches(Path(config.train_only)).digest(config.steps)
    for name, digest in digests.items():
        check_same(name.removesuffix("_sha256"), digest)
    folder = RunFolder(config.run_dir, resolved(config) | digests, before=before(config))
    try:
        if not any_process(folder.result() is not None):
            # Nothing is executed where batches are read.
            least = ConfinementLevel.NONE if config.train_only else sandbox_level(config)
            with LocalSandbox(least) as sandbox:
                console.print(f"rl: {arenas.describe()}; sandbox: {sandbox.describe()}")
                _Trainer(config, folder, arenas, sandbox, console).run()
        return folder.path / (BATCHES_FOLDER if config.rollout_only else HF_FOLDER)
    finally:
        folder.close()


def _load_model(config: Config, mesh: Mesh) -> Transformer:
    imported = import_model(config.model, mesh=mesh)
    return with_config(imported, as_computed(config, imported.config))


@dataclass
class _Steps:
    """One compiled update for each number of rows: few ever occur."""

    config: Config
    model: Transformer
    optimizer: Optimizer

    def __post_init__(self) -> None:
        self._compiled: dict[int, TrainStep] = {}

    def for_rows(self, rows: int, state: TrainState) -> TrainStep:
        if rows not in self._compiled:
            self._compiled[rows] = make_step(self.config, self.model, self.optimizer, state, rows)
        return self._compiled[rows]


class _Trainer:
    """One run in progress: play until the batch is full, update, push the weights to the engine."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        arenas: ArenaStream,
        sandbox: LocalSandbox,
        console: Console,
    ):
        self.config, self.folder, self.arenas, self.console = config, folder, arenas, console
        self.tokenizer = Tokenizer(config.model)
        self.format = episode_format(config.chat_format, config.model)
        self.mesh = training_mesh(config)
        model = _load_model(config, self.mesh)
        self.graph, params = split_model(model)
        optimizer = make_optimizer(part_of(config, "optimizer", OptimizerConfig), config.steps, model)
        self.steps = _Steps(config, model, optimizer)
        self.state = place_state(TrainState.create(params, optimizer.transform), self.mesh)
        self.filler = BatchFiller(
            make_algorithm(config),
            groups_per_batch=config.groups_per_batch,
            round_groups=config.round_groups,
            max_rounds=config.max_rounds,
            max_age=config.max_age,
            exact_refill=config.exact_refill,
        )
        self.curriculum = Curriculum(**config.curriculum)
        self.ready: list[Filled] = []  # batches of the next steps, played beside earlier updates
        self.updating: asyncio.Task[dict[str, float]] | None = None
        self.pushed = -1  # the version of the engine's weights
        self.clock = Clock()
        self.rewards = make_rewards(config)
        self.reference = Reference(config, model) if config.kl_coefficient else None
        self.batches = Batches(folder.path / BATCHES_FOLDER)
        self.engine = Unused() if config.train_only else make_engine(config, self.graph, params)
        console.print(f"rl: engines: {self.engine.describe()}")
        self.begun = False  # whether all that the run needs was found to be right
        self.player = Player(
            engine=self.engine,
            tokenizer=self.tokenizer,
            format=self.format,
            sandbox=sandbox,
            limits=part_of(config, "limits", EpisodeLimits),
            temperature=config.temperature,
            at_once=self.engine.episodes_at_once,
        )

    def run(self) -> None:
        checkpoints = CheckpointManager(self.folder.checkpoints, self.config.keep)
        try:
            self._resume(checkpoints)
            with (
                closing(MetricsWriter(self.folder.path, last_step=int(self.state.step))) as metrics,
                StopRequests() as stop,
            ):
                asyncio.run(self._loop(checkpoints, metrics, stop))
        finally:
            checkpoints.close()
            self.engine.close()
        if self.config.rollout_only:
            self.folder.finish({"step": self.config.steps, "batches": BATCHES_FOLDER})
            return
        # An export is complete or absent, like a checkpoint: what is there is of the same weights.
        if not any_process((self.folder.path / HF_FOLDER).exists()):
            model = join_model(self.graph, self.state.params)
            export_model(
                model,
                self.folder.path / HF_FOLDER,
                tokenizer_dir=self.tokenizer.directory,
                chat_template=self.format.template_for(self.tokenizer),
            )
        self.folder.finish({"step": self.config.steps, "hf": HF_FOLDER})

    def _resume(self, checkpoints: CheckpointManager) -> None:
        if checkpoints.latest() is not None:
            restored = checkpoints.restore(self.state)
            self.state = restored.state
            self.arenas.position = restored.extra["arenas_played"]
            self.curriculum.resting = restored.extra.get("resting", {})
            ready = restored.extra.get("ready") or []  # earlier releases had none
            try:
                self.filler.carried = [Group.from_json(group) for group in restored.extra["carried_groups"]]
                self.ready = [
                    Filled.from_json(batch, self.filler.algorithm, self.rewards.weigh) for batch in ready
                ]
            except ValueError as error:
                raise CheckpointMismatch(
                    f"the episodes that the last checkpoint of {self.folder.path} holds cannot be read: {error}"
                ) from error

    async def _loop(self, checkpoints: CheckpointManager, write: Writer, stop: StopRequests) -> None:
        done, steps = int(self.state.step), self.config.steps
        alarms = Alarms.after(part_of(self.config, "alarms", Limits), read_metrics(self.folder.path))
        with StepProgress("rl", steps, done, self.console) as progress:
            for step in range(done + 1, steps + 1):
                metrics = await self._step(step)
                check_finite(step, metrics)
                _report(step, metrics, write, progress)
                for sentence in alarms.look(metrics):
                    self._say(f"step {step}: {sentence}")
                stops = any_process(stop.seen)
                if step % self.config.checkpoint_every == 0 or step == steps or stops:
                    checkpoints.save(self.state, self._extra())
                if stops and step < steps:
                    raise Interrupted(step)

    def _extra(self) -> dict:
        carried = [group.to_json() for group in self.filler.carried]
        return {
            "arenas_played": self.arenas.position,
            "resting": dict(self.curriculum.resting),
            "carried_groups": carried,
            "ready": [batch.to_json() for batch in self.ready],
        }

    async def _step(self, step: int) -> dict[str, float]:
        """One update: `metrics` of the rollout and of the update, times in seconds.

        With `async_steps`, batches of later steps are played beside it, by the weights with which this step began.
        """
        start = time.perf_counter()
        self.clock = Clock()
        born = self._born(step)
        self._push(born - 1)
        if not self.begun:
            await self._begin(step)
        filled = self.ready.pop(0) if self.ready else await self._fill(step, born)
        ahead = range(step + 1 + len(self.ready), min(step + self.config.async_steps, self.config.steps) + 1)
        played = time.perf_counter()
        self.updating = asyncio.create_task(self._updated(step, filled, bool(ahead)))
        if ahead:  # together: an update that fails does not wait for episodes to end
            played, update = await asyncio.gather(self._ahead(ahead, born), self.updating)
        else:
            update = await self.updating
        metrics = rollout_metrics(filled, None if self.config.train_only else born) | update
        metrics["arenas/resting"] = float(len(self.curriculum.resting))
        if len(self.arenas.sources) > 1:
            metrics |= source_metrics(filled.played, self.arenas.source_of)
        self._keep_samples(step, filled)
        times = {"time/rollout_s": played - start, "time/step_s": time.perf_counter() - start}
        return metrics | times | self.clock.metrics()

    def _born(self, step: int) -> int:
        """The step that made the weights of now the current ones: `step`, or the first where none are trained."""
        return 1 if self.config.rollout_only else step

    def _push(self, version: int) -> None:
        if version != self.pushed:
            start = time.perf_counter()
            self.engine.push(self.state.params, version)
            self.clock.weight_sync_s += time.perf_counter() - start
            self.pushed = version

    async def _updated(self, step: int, filled: Filled, ahead: bool) -> dict[str, float]:
        metrics = await asyncio.to_thread(self._update, filled)
        if ahead and self.config.in_flight_updates:
            version = self._born(step + 1) - 1
            if self.config.servers.urls:
                # Servers read files for a while: episodes go on until each is asked to wait.
                await asyncio.to_thread(self._push, version)
            else:
                self._push(version)  # the engine in this process is this thread's
        return metrics

    async def _ahead(self, steps: range, born: int) -> float:
        """Plays the batches of later steps by the weights of step `born`; returns when they were there."""
        for step in steps:
            self.ready.append(await self._fill(step, born))
        return time.perf_counter()

    async def _fill(self, step: int, born: int) -> Filled:
        """The batch of `step`, played by the weights with which step `born` begins; or as another run has kept it."""
        if self.config.train_only:
            kept = Batches(Path(self.config.train_only))
            return kept.read(step, self.filler.algorithm, self.rewards)
        start = time.perf_counter()
        filled = await self.filler.fill(born, partial(self._play_round, born))
        self.clock.played(filled.played, time.perf_counter() - start)
        if (self.config.keep_batches or self.config.rollout_only) and is_first():
            self.batches.write(step, filled)
        return filled

    async def _begin(self, step: int) -> None:
        """The first step of this process, `step`, once its weights are pushed. Raises as `_shake_hands`."""
        if self.config.servers.urls and not self.config.train_only:
            await self._shake_hands(step)
        self.folder.begin()
        self.begun = True

    async def _shake_hands(self, step: int) -> None:
        """Raises `PolicyMismatch` if the servers do not sample from the policy that is trained."""
        numbers = range(self.arenas.position, self.arenas.position + _FIRST_TURNS)
        mine = numbers[jax.process_index() :: jax.process_count()]
        begun = await first_turns(self.player, [self._job(number, 0) for number in mine])
        groups = _of_all([Group(n, step, [episode]) for n, episode in zip(mine, begun, strict=True)])
        episodes = [group.episodes[0] for group in groups]
        gap = check_agreement(self.config, self.graph, self.state.params, self.mesh, episodes)
        self.console.print(f"rl: the servers' log-probs are {gap:.2g} nats a token from the trainer's")

    def _update(self, filled: Filled) -> dict[str, float]:
        start = time.perf_counter()
        metrics = self._learn(filled)
        seconds = time.perf_counter() - start
        speed = {"time/trained_tokens_per_second": metrics["tokens"] / seconds} if "tokens" in metrics else {}
        return metrics | speed | {"time/update_s": seconds}

    def _learn(self, filled: Filled) -> dict[str, float]:
        c = self.config
        if self.config.rollout_only or not filled.groups:
            # Nothing is to be learned, or the cap was reached with nothing to learn: count the step, move no weight.
            time.sleep(self.config.simulated.update_s)
            self.state = TrainState(self.state.step + 1, self.state.params, self.state.opt_state)
            return {"loss": 0.0, "skipped": 1.0}
        groups = [group.episodes for group in filled.groups]
        batch = to_batch(groups, filled.signals, c.row_length, c.micro_rows, c.share_prompts)
        with jax.set_mesh(self.mesh):
            step = self.steps.for_rows(batch.tokens.shape[0], self.state)
            placed = place_batch(batch, self.mesh)
            if self.reference:
                placed = self.reference.with_logprobs(placed)
            self.state, metrics = step(self.state, placed)
        figures = {name: float(value) for name, value in jax.device_get(metrics).items()}
        return figures | update_metrics(batch, figures) | {"skipped": 0.0}

    async def _play_round(self, step: int, count: int) -> list[Group]:
        numbers = self.curriculum.take(self.arenas, count)
        mine = numbers[jax.process_index() :: jax.process_count()]
        size = self.config.group_size
        jobs = [self._job(number, sample) for number in mine for sample in range(size)]
        episodes = await self.rewards.score(await self.player.play_all(jobs))
        if jax.process_count() > 1 and self.updating:
            await self.updating  # what all processes exchange has one order in all of them
        groups = _of_all([Group(n, step, episodes[i * size : (i + 1) * size]) for i, n in enumerate(mine)])
        self.curriculum.measure(self.arenas, groups)
        problem = self.rewards.check([episode for group in groups for episode in group.episodes])
        if problem:
            self._say(f"step {step}: {problem}")
        return groups

    def _job(self, number: int, sample: int) -> Job:
        return Job(self.arenas[number], derived_seed(self.config.seed, number, sample), number, sample)

    def _say(self, sentence: str) -> None:
        if is_first():
            self.console.print(f"rl: {sentence}", markup=False)

    def _keep_samples(self, step: int, filled: Filled) -> None:
        if step % self.config.samples_every == 0 and filled.played and is_first():
            episodes: Sequence[Episode] = filled.played[0].episodes
            write_records(self.folder.samples / f"step_{step:06d}.jsonl", episodes)


def _of_all(groups: list[Group]) -> list[Group]:
    """The groups that every process has played, in the order of their arenas."""
    if jax.process_count() == 1:
        return groups
    gathered = [Group.from_json(group) for part in gather([g.to_json() for g in groups]) for group in part]
    return sorted(gathered, key=lambda group: group.number)


def _report(step: int, metrics: dict[str, float], write: Writer, progress: Writer) -> None:
    write(step, metrics)
    shown = ("reward/f1", "reward/recall", "calls", "entropy", "time/rollout_s", "time/update_s")
    progress(step, {name.split("/")[-1]: metrics[name] for name in shown if name in metrics})
