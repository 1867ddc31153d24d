"""A directory that appears complete or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astra_jax.checkpoints.error import CheckpointError


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yields a hidden neighbour of `path` to fill; renames it to `path` at the end, removes it on any error.

    Raises:
        FileExistsError: `path` is already there (an empty directory may be).
    """
    refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    partial.mkdir()
    try:
        yield partial
        partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_existing(path: Path) -> None:
    """Raises as `new_directory`."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists: remove it or choose another name.")


def require_space(path: Path, needed: int) -> None:
    """
    Raises:
        CheckpointError: fewer than `needed` bytes are free where `path` is to be.
    """
    there = next(parent for parent in path.absolute().parents if parent.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise CheckpointError(f"{path} needs {needed:,} bytes, and {there} has {free:,} free.")
