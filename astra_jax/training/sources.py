"""Sources of a mixture, as configurations name them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astra_jax.training.settings import BadSetting

_FORM = "(name, path, weight), such as (('agents', 'rows.jsonl', 2.0), ('chat', 'chat.jsonl', 1.0))"


def parse_source(field: str, given: Any) -> tuple[str, Path, float]:
    """Name, path and weight of an entry of `config.FIELD`.

    Raises:
        BadSetting: it is no source.
    """
    try:
        name, path, weight = given
        source = str(name), Path(path), float(weight)
    except (TypeError, ValueError):
        raise BadSetting(f"config.{field} has {given!r}; a source is {_FORM}") from None
    if not 0 < source[2] < float("inf"):
        raise BadSetting(f"the weight of config.{field} {name!r} is {weight}: it must be more than 0")
    return source


def digest_all(digests: Sequence[str]) -> str:
    """That of several sources; of one it is its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
