"""Names that a chat template and an API take for a function's, from whatever a server calls its tools."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection
from itertools import count

from data_synthesis.pipeline import Rejected
from data_synthesis.trajectories.intake.plain import is_writable

LONGEST = 64  # OpenAI's bound
_LONGEST_RAW = 512  # 8 times that: what is longer is no name
_CALLABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]+")


def is_callable_name(name: str) -> bool:
    """Whether it is `[A-Za-z_][A-Za-z0-9_-]{0,63}`."""
    return _CALLABLE.fullmatch(name) is not None


def check_name(name: str) -> None:
    """
    Raises:
        Rejected: `bad_name`: it is blank, longer than 512 characters, or cannot be written as UTF-8.
    """
    if not name.strip() or len(name) > _LONGEST_RAW:
        raise Rejected("bad_name", f"is a text of {len(name)} characters, which is no name")
    if not is_writable(name):
        raise Rejected("bad_name", "holds half of a surrogate pair, which is no character")


def callable_name(name: str) -> str:
    """A callable name for one that passed `check_name`: the name itself where it is one.

    Letters lose their accents; what is still outside `[A-Za-z0-9_-]` becomes one `_`. A name of which nothing is left,
    as in scripts without Latin letters, becomes `tool_` and 8 hex digits of its hash.
    """
    if is_callable_name(name):
        return name
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    latin = _FOREIGN.sub("_", plain).strip("_")
    if not re.search("[A-Za-z0-9]", latin):
        return f"tool_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return (latin if is_callable_name(latin[:1]) else f"_{latin}")[:LONGEST]


def numbered(name: str, taken: Collection[str]) -> str:
    """The first of `name_2`, `name_3`, ... that is not taken, within the longest name."""
    suffixes = (f"_{number}" for number in count(2))
    return next(free for suffix in suffixes if (free := name[: LONGEST - len(suffix)] + suffix) not in taken)
