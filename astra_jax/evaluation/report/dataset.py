"""A JSONL file of arenas, trajectories or episodes as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from astra_jax.evaluation.report.arenas import arena_entry, trajectory_entry
from astra_jax.evaluation.report.episodes import ToolTable, episode_browser
from astra_jax.evaluation.report.sampling import MAX_BYTES, bounded, smallest
from astra_jax.evaluation.report.tally import ArenaTally, TrajectoryTally
from astra_jax.evaluation.report.token_text import TokenText
from astra_jax.evaluation.report.view import Browser, NothingToReport, View
from data_synthesis.records import Arena, BadRecord, Trajectory, read_records


def read_dataset(path: Path, limit: int) -> View:
    """The counts and a sample of the records of `path`, whose first line tells what they are.

    Raises:
        NothingToReport: the first line is none of an arena, a trajectory and an episode.
    """
    rejects: list[BadRecord] = []
    view = _reader(path)(path, limit, rejects)
    view.notices += complaints(rejects)
    return view


def arena_browser(paths: list[Path], limit: int, tally: ArenaTally, rejects: list[BadRecord]) -> Browser:
    """A sample of the arenas of some files, all of which `tally` counts."""
    arenas = (arena for path in paths for arena in read_records(path, Arena, rejects=rejects))
    chosen, total = smallest(tally.passing(arenas), limit, key=lambda arena: arena.id)
    return Browser("arenas", bounded(map(arena_entry, chosen), MAX_BYTES), total)


def complaints(rejects: list[BadRecord]) -> list[str]:
    """What the page says about lines that could not be read."""
    if not rejects:
        return []
    first = rejects[0]
    field = f", field {first.field}" if first.field else ""
    where = f"{first.path.name}, line {first.line}{field}: {first.problem}"
    return [f"{len(rejects):,} lines could not be read and are not counted. The first: {where}."]


def _reader(path: Path) -> Callable[[Path, int, list[BadRecord]], View]:
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    try:
        fields = set(json.loads(first))
    except (ValueError, TypeError):
        fields = set()
    for needed, reader in (
        ({"tools", "gold_calls"}, _read_arenas),
        ({"arena_id", "events"}, _read_episodes),
        ({"messages", "tools"}, _read_trajectories),
    ):
        if needed <= fields:
            return reader
    raise NothingToReport(
        f"{path}: the first line is no arena, trajectory or episode, so there is nothing to report"
    )


def _read_arenas(path: Path, limit: int, rejects: list[BadRecord]) -> View:
    tally = ArenaTally()
    browser = arena_browser([path], limit, tally, rejects)
    return View(path.name, "Arenas", tiles=tally.tiles(), bar_lists=tally.bars(), browser=browser)


def _read_trajectories(path: Path, limit: int, rejects: list[BadRecord]) -> View:
    tally, tools = TrajectoryTally(), ToolTable()
    records = tally.passing(read_records(path, Trajectory, rejects=rejects))
    chosen, total = smallest(records, limit, key=lambda trajectory: trajectory.id)
    entries = bounded((trajectory_entry(trajectory, tools) for trajectory in chosen), MAX_BYTES)
    browser = Browser("trajectories", entries, total, {"tools": tools.rows})
    return View(path.name, "Trajectories", tiles=tally.tiles(), bar_lists=tally.bars(), browser=browser)


def _read_episodes(path: Path, limit: int, rejects: list[BadRecord]) -> View:
    browser = episode_browser({path.stem: [path]}, [], limit, TokenText(None), rejects)
    return View(path.name, "Episodes", browser=browser)
