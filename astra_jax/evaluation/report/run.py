"""A run folder as a page. Every part may be missing: a run that was only trained has no table, only curves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from astra_jax.evaluation.report.comparison import compare, duration, headline
from astra_jax.evaluation.report.curves import charts, series_of
from astra_jax.evaluation.report.dataset import arena_browser, complaints
from astra_jax.evaluation.report.episodes import episode_browser
from astra_jax.evaluation.report.tally import ArenaTally
from astra_jax.evaluation.report.token_text import find_tokenizer
from astra_jax.evaluation.report.view import Bar, BarList, NothingToReport, View
from astra_jax.evaluation.summary import STAGES
from astra_jax.training.metrics import read_metrics
from data_synthesis.records import Arena, BadRecord, read_records


def read_run(folder: Path, limit: int) -> View:
    """Everything that `folder` holds of a run.

    Args:
        limit: how many episodes (or arenas, where there are no episodes) the page may embed.

    Raises:
        NothingToReport: nothing of a run is there.
    """
    view = View(title=folder.resolve().name, kind="Run")
    _add_results(view, folder)
    _add_curves(view, folder)
    _add_documents(view, folder)
    _add_records(view, folder, limit)
    if not (view.browser or view.charts or view.documents):
        raise NothingToReport(
            f"{folder} holds no results.json, config.json, metrics.jsonl, eval/, samples/ or arenas/: "
            "give a run's folder, or a JSONL file of arenas, trajectories or episodes"
        )
    return view


def _add_results(view: View, folder: Path) -> None:
    if not (path := folder / "results.json").exists():
        return
    results = _read_json(path)
    view.documents[path.name] = results
    view.comparison = compare(results)
    view.tiles = headline(results)
    if seconds := results.get("wall_s"):
        view.bar_lists.append(_wall_time(seconds))


def _wall_time(seconds: Mapping[str, float]) -> BarList:
    longest = max(seconds.values()) or 1.0
    bars = [Bar(stage, duration(s), 100 * s / longest) for stage, s in seconds.items()]
    return BarList("Wall time by stage", bars)


def _add_curves(view: View, folder: Path) -> None:
    for path in _by_stage([*folder.glob("metrics.jsonl"), *folder.glob("*/metrics.jsonl")]):
        stage = "training" if path.parent == folder else path.parent.name
        view.charts += charts(stage, series_of(read_metrics(path.parent)))


def _add_documents(view: View, folder: Path) -> None:
    for path in _by_stage([*folder.glob("config.json"), *folder.glob("*/config.json")]):
        view.documents[str(path.relative_to(folder))] = _read_json(path)


def _add_records(view: View, folder: Path, limit: int) -> None:
    rejects: list[BadRecord] = []
    tally = ArenaTally()
    arena_files = sorted(folder.glob("arenas/*.jsonl"))
    if stages := _episode_files(folder):
        arenas = (arena for path in arena_files for arena in read_records(path, Arena, rejects=rejects))
        text = find_tokenizer(folder)
        view.browser = episode_browser(stages, tally.passing(arenas), limit, text, rejects)
    elif arena_files:
        view.browser = arena_browser(arena_files, limit, tally, rejects)
        view.tiles += tally.tiles()
    if tally.count:
        view.bar_lists += tally.bars()
    view.notices += complaints(rejects)


def _episode_files(folder: Path) -> dict[str, list[Path]]:
    """Stage -> files: one for each evaluated model, then what training kept of its own episodes."""
    stages = {path.stem: [path] for path in sorted(folder.glob("eval/*.jsonl"), key=lambda p: _rank(p.stem))}
    for path in sorted([*folder.glob("samples/*.jsonl"), *folder.glob("*/samples/*.jsonl")]):
        parent = path.parent.parent
        stages.setdefault("training" if parent == folder else f"{parent.name} training", []).append(path)
    return stages


def _by_stage(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (len(path.parts), _rank(path.parent.name)))


def _rank(stage: str) -> tuple[int, str]:
    return (STAGES.index(stage) if stage in STAGES else len(STAGES)), stage


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise NothingToReport(
            f"{path} is not JSON ({error}): the run that writes it may not have ended"
        ) from error
