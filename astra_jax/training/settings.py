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


def check_least(config: Any, least: Mapping[str, float]) -> None:
    """
    Args:
        least: the least value that each field can have.

    Raises:
        BadSetting: one is less, or not a number.
    """
    for field, bound in least.items():
        value = field_of(config, field)
        if not value >= bound:
            raise BadSetting(f"config.{field} is {value}: it is at least {bound}")
