"""Writes a data set's folder beside its place, which it takes when complete; other people's folders are left alone."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from data_synthesis.pipeline import PipelineError

README = "README.md"


@contextmanager
def replacing_folder(out_dir: Path, folders: Collection[str]) -> Iterator[Path]:
    """Gives a temporary folder that takes the place of `out_dir`, unless what fills it raises.

    Args:
        folders: the names of the folders of Parquet files that a data set of this kind has.

    Raises:
        PipelineError: `out_dir` holds anything but such a data set.
    """
    _check_replaceable(out_dir, folders)
    partial = out_dir.with_name(out_dir.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(out_dir, ignore_errors=True)
    partial.rename(out_dir)


def _check_replaceable(folder: Path, folders: Collection[str]) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise PipelineError(f"{folder} is no folder; choose another name for the data set")
    ours = {README, *folders}
    others = [path.name for path in folder.iterdir() if path.name not in ours] if folder.exists() else []
    others += [
        path.name for inside in folders for path in (folder / inside).glob("*") if path.suffix != ".parquet"
    ]
    if others:
        raise PipelineError(
            f"{folder} holds {sorted(others)[0]}, which no data set has; choose another folder"
        )
