"""`astra eval bfcl`: rollouts of a model on the items that a configuration names, with the official verdicts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from astra_jax.evaluation.bfcl.ground_truth import GroundTruth
from astra_jax.evaluation.bfcl.play import play
from astra_jax.evaluation.bfcl.records import BfclItem, BfclRun
from astra_jax.evaluation.bfcl.table import defects, summarise, table
from astra_jax.evaluation.bfcl.world import BfclWorld
from astra_jax.evaluation.contestant import Contestant
from astra_jax.official.contestants import make_contestant
from astra_jax.training.settings import BadSetting
from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.pipeline import Policy, Stage, Undecided, run_stages
from data_synthesis.records import read_records

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know
Truth = Literal["", "whole", "truncated"]

_TRUTHS_AT_ONCE = 8
_STAGE = "bfcl"


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
    world = BfclWorld(config.python, config.workers, config.worker_deadline_s)
    try:
        items = await _items(config, world)
        contestant, at_once, settings = await _contestant(config, world, items, truth)
        console.print(f"bfcl: {sum(map(len, items.values()))} items, played by {contestant.name}")
        stage = Stage(_STAGE, BfclItem, _Play(contestant, world, config.seed), settings)
        policy = Policy(concurrency=at_once, deadline=config.deadline_s)
        every = list(chain.from_iterable(items.values()))
        try:
            await run_stages([stage], every, Path(config.out_dir), policy=policy, console=console)
        finally:
            await contestant.close()
    finally:
        await world.close()
    return _report(config, console, items, contestant.name)


class _Play:
    """The stage: one rollout of an item."""

    def __init__(self, contestant: Contestant, world: BfclWorld, seed: int):
        self._contestant, self._world, self._seed = contestant, world, seed

    async def __call__(self, item: BfclItem) -> Sequence[BfclRun]:
        try:
            run = await play(item, self._contestant, self._world, self._seed)
        except InfrastructureFailure as failure:
            raise Undecided("infrastructure", str(failure)) from failure
        return [run.model_copy(update={"defective": defects().get(item.id, "")})]


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
    groups = await world.groups()
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
    out_dir = Path(config.out_dir)
    runs = read_records(out_dir / f"{_STAGE}.jsonl", BfclRun)
    ids = {category: [item.id for item in members] for category, members in items.items()}
    summary = {"model": name, **summarise(ids, runs, config.seed)}
    (out_dir / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    console.print(table(summary, f"BFCL, official checkers, {name}: percent and 95 % interval"))
    return summary
