"""Sources of a mixture, as configurations name them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astra_jax.training.settings import BadSetting

_FORM = "(name, path, weight), such as (('agents', 'rows.jsonl', 2.0), ('chat', 'chat.jsonl', 1.0))"


def parse_sources(field: str, given: Sequence[Any]) -> list[tuple[str, Path, float]]:
    """Name, path and weight of each entry of `config.FIELD`.

    Raises:
        BadSetting: one is no source, or has the name of another.
    """
    sources = [_parsed(field, each) for each in given]
    names = [name for name, _, _ in sources]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BadSetting(f"config.{field} has {twice!r} twice: each source has a name of its own")
    return sources


def _parsed(field: str, given: Any) -> tuple[str, Path, float]:
    try:
        name, path, weight = given
        source = str(name), Path(path), float(weight)
    except (TypeError, ValueError):
        raise BadSetting(f"config.{field} has {given!r}; a source is {_FORM}") from None
    if not 0 < source[2] < float("inf"):
        raise BadSetting(f"the weight of config.{field} {name!r} is {weight}: it must be more than 0")
    return source


def digest_file(path: str | Path) -> str:
    """SHA-256 of its content."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_all(digests: Sequence[str]) -> str:
    """That of several sources; of one it is its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
