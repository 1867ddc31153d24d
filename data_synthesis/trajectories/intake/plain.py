"""Whether a value from outside is JSON, and of a size that the rest of the program can walk."""

from __future__ import annotations

import math
from typing import Any

from data_synthesis.trajectories.intake.raw import kind_of

DEEPEST = 64  # levels; the deepest of 7,534 real schemas has 18
_MOST = 100_000  # values
_WIDEST = 4096  # bits of an integer, which Python can write: it refuses more than 4,300 decimal digits


def json_problem(value: Any) -> str:
    """What is wrong with it, in a few words; empty where it is JSON of bounded depth and size.

    Looks at every value without recursion, so that nothing can be nested too deeply for it, itself included.
    """
    waiting = [(value, 0)]
    for seen in range(_MOST):
        if not waiting:
            return ""
        here, depth = waiting.pop()
        if depth > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep"
        if isinstance(here, dict | list):
            inside = [*here, *here.values()] if isinstance(here, dict) else here
            if isinstance(here, dict) and not all(isinstance(key, str) for key in here):
                return "has a field whose name is no text"
            if len(inside) + seen > _MOST:
                break
            waiting += [(each, depth + 1) for each in inside]
        elif problem := _scalar_problem(here):
            return problem
    return f"holds more than {_MOST} values"


def _scalar_problem(value: Any) -> str:
    if isinstance(value, str):
        return "" if is_writable(value) else "holds half of a surrogate pair, which is no character"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "holds a number that is not finite"
    if isinstance(value, int):
        return "" if value.bit_length() <= _WIDEST else "holds a number of more than 1,000 digits"
    return "" if value is None else f"holds {kind_of(value)} ({type(value).__name__})"


def is_writable(text: str) -> bool:
    """Whether it can be encoded as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def cut(text: str, longest: int) -> str:
    """At most `longest` characters, the last of which is `…` where something is missing."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
