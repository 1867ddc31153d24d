"""Values of a configuration that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class BadSetting(ValueError):
    """The message is one sentence for the user: the field, its value, and what it can be."""


def choose(field: str, name: str, known: Mapping[str, T]) -> T:
    """What `known` has under `name`, the value of the configuration's `field`.

    Raises:
        BadSetting: it has nothing of that name.
    """
    if name not in known:
        raise BadSetting(f"config.{field} is {name!r}; known: {', '.join(known)}")
    return known[name]
