"""Where the rows of a run come from: files and folders of any known form, each with its share of the mixture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astra_jax.training.settings import BadSetting
from astra_jax.training.sources import digest_file, parse_sources
from data_synthesis.records import BadRecord, Trajectory
from data_synthesis.trajectories.rows import read_rows

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


@dataclass(frozen=True)
class Source:
    """`weight` says how many of the mixture's rows are this source's, relative to the other sources' weights."""

    name: str
    path: Path
    weight: float = 1.0


def sources_of(config: Config) -> list[Source]:
    """The sources of `config.data`: `path` alone, which is one source, or `sources`.

    Raises:
        BadSetting: neither or both are given, or one of the sources is no source.
    """
    path, given = config.data.path, config.data.sources
    if not path and not given:
        raise BadSetting(
            "config.data.path is empty: it has no default. Several sources go into config.data.sources"
        )
    if path and given:
        raise BadSetting("config.data.path and config.data.sources are both given: a run has one of them")
    if path:
        return [Source(Path(path).stem, Path(path))]
    return [Source(*each) for each in parse_sources("data.sources", given)]


def all_rows(sources: list[Source], rejects: list[BadRecord] | None) -> Iterator[Trajectory]:
    """The rows of all sources, one source after the other; `rejects` as `read_rows` has it."""
    for source in sources:
        yield from read_rows(source.path, rejects=rejects)


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the files of a folder and their names: a run that resumes must find the data it had.

    Raises:
        FileNotFoundError: there is neither.
        BadSetting: the folder is empty.
    """
    if not path.is_dir():
        return digest_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        raise BadSetting(f"there are no rows in {path}: the folder is empty")
    named = [f"{file.relative_to(path).as_posix()} {digest_file(file)}\n" for file in files]
    return hashlib.sha256("".join(named).encode()).hexdigest()
