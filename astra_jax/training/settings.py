"""Values of a configuration that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

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


def field_of(config: Any, field: str) -> Any:
    """The value of a field, whose name has a dot before each part of a part."""
    for key in field.split("."):
        config = config[key]
    return config


def check_least(config: Any, least: Mapping[str, float], part: str = "") -> None:
    """
    Args:
        least: the least value that each field can have.
        part: the configuration's part that `config` is, with a dot behind it; empty: all of it.

    Raises:
        BadSetting: one is less, or not a number.
    """
    for field, bound in least.items():
        value = field_of(config, field)
        if not value >= bound:
            raise BadSetting(f"config.{part}{field} is {value}: it is at least {bound}")


def check_shares(config: Any, *fields: str, part: str = "") -> None:
    """Raises `BadSetting`: one of the fields is not from 0 to 1. `part` as in `check_least`."""
    for field in fields:
        value = field_of(config, field)
        if not 0 <= value <= 1:
            raise BadSetting(f"config.{part}{field} is {value}: it is from 0 to 1")
