"""Plays held-out arenas with a checkpoint and scores them by rule."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from astra_jax.evaluation.passes import pass_rates
from astra_jax.evaluation.summary import successes, summarise
from astra_jax.inference.checkpoint import episode_format, sampling_model
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.episodes import EpisodeLimits, Job, Player, derived_seed
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.sglang.connect import connect
from astra_jax.tokens import Tokenizer
from astra_jax.training.settings import BadSetting, check_least, choose, part_of
from data_synthesis.arenas import read_arenas
from data_synthesis.records import Arena, Episode, write_records
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox, Sandbox

if TYPE_CHECKING:
    from astra_jax.inference.sglang.engine import ServerEngine

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


def evaluate(config: Config, console: Console | None = None) -> dict[str, Any]:
    """Evaluates as `config` says (`configs/eval/base.py` has every field).

    Writes the episodes to `config.episodes` where it names a file.

    Returns:
        What `summarise` says of the episodes: means with bootstrap intervals over arenas; and `passes`, which are
        pass@k and pass^k of the episodes of each arena, as `pass_rates` says.

    Raises:
        BadRecord: a line of the arenas is none.
        BadSetting: a value of the configuration cannot be used, or the file holds no arena.
        SandboxUnavailable: the sandbox offers less confinement than `config.sandbox_level`.
        ServersDown, UnfitServer: as `make_engine`.
    """
    console = console or Console()
    check_least(config, {"samples": 1, "temperature": 0})
    part_of(config, "limits", EpisodeLimits)
    part_of(config, "engine", EngineSize)
    arenas = list(read_arenas(config.arenas))
    if not arenas:
        raise BadSetting(f"{config.arenas} holds no arena")
    level = choose("sandbox_level", config.sandbox_level, ConfinementLevel.__members__)
    with LocalSandbox(level) as sandbox:
        console.print(f"eval: {len(arenas)} arenas, {config.samples} episodes each; {sandbox.describe()}")
        with closing(make_engine(config)) as engine:
            player = make_player(config, sandbox, engine)
            episodes = asyncio.run(play_all(player, arenas, config.samples, config.seed, console))
    if config.episodes:
        write_records(config.episodes, episodes)
    return summarise(episodes, seed=config.seed) | {"passes": pass_rates(successes(episodes), config.seed)}


def make_engine(config: Config) -> EnginePool | ServerEngine:
    """An engine over the checkpoint `config.model`, or over servers that have it.

    Raises:
        BadSetting: servers are asked for, and what talks to them is not installed; no such type of numbers.
        ServersDown, UnfitServer: none of the servers answers, or one has too small a context.
    """
    if config.servers.urls:
        return connect(config)
    return EnginePool.on_each(
        sampling_model(config.model, config.dtype), part_of(config, "engine", EngineSize)
    )


def make_player(config: Config, sandbox: Sandbox, engine: EnginePool | ServerEngine) -> Player:
    """With the limits and the sampling of `config`, and the tokenizer of its model."""
    return Player(
        engine=engine,
        tokenizer=Tokenizer(Path(config.model)),
        format=episode_format(config.chat_format, config.model),
        sandbox=sandbox,
        limits=part_of(config, "limits", EpisodeLimits),
        temperature=config.temperature,
        at_once=engine.episodes_at_once,
    )


async def play_all(
    player: Player, arenas: Sequence[Arena], samples: int, seed: int, console: Console
) -> list[Episode]:
    """`samples` episodes of each arena, in the order of the arenas, whatever finishes first."""
    bar = Progress(
        TextColumn("episodes"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console,
        disable=not console.is_terminal,
    )  # fmt: skip
    jobs = [
        Job(arena, seed=derived_seed(seed, arena.id, sample), sample=sample)
        for arena in arenas
        for sample in range(samples)
    ]
    task = bar.add_task("", total=len(jobs))
    with bar:
        return await player.play_all(jobs, on_end=lambda: bar.advance(task))
