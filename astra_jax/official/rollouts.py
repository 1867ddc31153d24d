"""The rollouts of a benchmark as one stage of a pipeline: resumable, and undecided where nobody can be blamed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from data_synthesis.arenas.backend import InfrastructureFailure
from data_synthesis.pipeline import Policy, Stage, Undecided, run_stages
from data_synthesis.records import Record

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know
Item = TypeVar("Item", bound=Record)


async def play_all(
    name: str,
    items: Sequence[Item],
    play: Callable[[Item], Awaitable[Record]],
    config: Config,
    console: Console,
    *,
    settings: Mapping[str, Any],
    at_once: int,
) -> None:
    """Writes what `play` makes of the items to `config.out_dir/NAME.jsonl`, in their order.

    Killed at any moment and called again, it goes on and ends with the same file. What nothing could be decided about
    is in `NAME.rejects.jsonl`, and is played again by the next call.

    Args:
        settings: what the rollouts depend on beside the item; one folder keeps to one.

    Raises:
        PipelineError: the folder holds rollouts of other settings, or nothing can be played any more.
    """

    async def run(item: Item) -> Sequence[Record]:
        try:
            return [await play(item)]
        except InfrastructureFailure as failure:
            raise Undecided(type(failure).__name__, str(failure)) from failure

    stage = Stage(name, type(items[0]), run, settings)
    policy = Policy(concurrency=at_once, deadline=config.deadline_s)
    await run_stages([stage], items, Path(config.out_dir), policy=policy, console=console)


def write_summary(config: Config, summary: Mapping[str, Any]) -> None:
    """Writes `config.out_dir/summary.json`, complete or not at all."""
    path = Path(config.out_dir) / "summary.json"
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    part.replace(path)
