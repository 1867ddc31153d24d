"""Text files that are complete or absent."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_OF_A_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Opens a temporary file that takes the place of `path` when it is complete. Its folder is made.

    Raises:
        OSError: it cannot be written; names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with naming(path):
        with partial.open("w", encoding="utf-8") as out:
            yield out
        partial.replace(path)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A disk that is full, or broken, does not say of which file: this adds it to the `OSError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _OF_A_DISK and not error.filename:
            error.filename = str(path)
        raise
