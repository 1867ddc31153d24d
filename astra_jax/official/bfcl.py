"""`astra eval bfcl`: rollouts of a model on the items that a configuration names, with the official verdicts."""

from __future__ import annotations

import asyncio
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from astra_jax.evaluation.bfcl.ground_truth import GroundTruth
from astra_jax.evaluation.bfcl.play import play
from astra_jax.evaluation.bfcl.records import BfclItem, BfclRun
from astra_jax.evaluation.bfcl.table import defects, summarise, table
from astra_jax.evaluation.bfcl.world import PACKAGES, BfclWorld
from astra_jax.evaluation.contestant import Contestant
from astra_jax.official.contestants import make_contestant
from astra_jax.official.rollouts import play_all, write_summary
from astra_jax.training.settings import BadSetting, choose
from data_synthesis.records import read_records

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know
Truth = Literal["", "whole", "truncated"]

_TRUTHS_AT_ONCE = 8
_NAME = "bfcl"


def evaluate(config: Config, console: Console, truth: Truth = "") -> dict[str, Any]:
    """Writes rollouts to `config.out_dir/bfcl.jsonl` and their summary to `summary.json`, and prints its table.

    Killed at any moment, the same call goes on where it was and ends with the same files. An item that nothing could
    be decided about is tried again by the next call.

    Args:
        truth: who answers in the place of a model: the ground truth, or that without the last call of each item.

    Raises:
        BadSetting: a value of the configuration cannot be used.
        PipelineError: the folder holds rollouts of another model or other settings.
        InfrastructureFailure: the benchmark's environment cannot be used.
    """
    return asyncio.run(_evaluate(config, console, truth))


async def _evaluate(config: Config, console: Console, truth: Truth) -> dict[str, Any]:
    package = choose("version", config.version, PACKAGES)
    world = BfclWorld(package, config.python, config.workers, config.worker_deadline_s)
    try:
        items = await _items(config, world)
        contestant, at_once, settings = await _contestant(config, world, items, truth)
        console.print(f"bfcl: {sum(map(len, items.values()))} items, played by {contestant.name}")

        async def played(item: BfclItem) -> BfclRun:
            run = await play(item, contestant, world, config.seed)
            return run.model_copy(update={"defective": defects(config.version).get(item.id, "")})

        if config.version != "v4":  # folders of earlier releases say nothing of it
            settings = {**settings, "version": config.version}
        every = list(chain.from_iterable(items.values()))
        try:
            await play_all(_NAME, every, played, config, console, settings=settings, at_once=at_once)
        finally:
            await contestant.close()
    finally:
        await world.close()
    return _report(config, console, items, contestant.name)


async def _contestant(
    config: Config, world: BfclWorld, items: dict[str, list[BfclItem]], truth: Truth
) -> tuple[Contestant, int, dict[str, Any]]:
    if not truth:
        return make_contestant(config)
    every, answers = [], {}
    for category, members in items.items():
        every += members
        answers |= await world.answers(category)
    truths = GroundTruth(every, answers, truncated=truth == "truncated")
    return truths, _TRUTHS_AT_ONCE, {"kind": "ground_truth", "truth": truth}


async def _items(config: Config, world: BfclWorld) -> dict[str, list[BfclItem]]:
    """Items by category, in the order of the benchmark."""
    groups = {name: members for name, members in (await world.groups()).items() if members}
    known = [category for members in groups.values() for category in members]
    for name in config.categories:
        if name not in groups and name not in known:
            raise BadSetting(f"config.categories names {name!r}; there are {', '.join([*groups, *known])}")
    chosen = {category for name in config.categories for category in groups.get(name, [name])}
    if not chosen:
        raise BadSetting(f"config.categories is empty; there are {', '.join(groups)}")
    most = config.items_each or None
    return {category: (await world.items(category))[:most] for category in known if category in chosen}


def _report(config: Config, console: Console, items: dict[str, list[BfclItem]], name: str) -> dict[str, Any]:
    runs = read_records(Path(config.out_dir) / f"{_NAME}.jsonl", BfclRun)
    ids = {category: [item.id for item in members] for category, members in items.items()}
    summary = {"model": name, "version": config.version, **summarise(ids, runs, config.seed, config.version)}
    write_summary(config, summary)
    console.print(
        table(summary, f"BFCL {config.version}, official checkers, {name}: percent and 95 % interval")
    )
    return summary
