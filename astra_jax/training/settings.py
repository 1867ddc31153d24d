"""Values of a configuration that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class BadSetting(ValueError):
    """The message is one sentence for the user: the field, its value, and what it can be."""


def choose(field: str, name: str, known: Mapping[str, T], *, within: str = "config.") -> T:
    """What `known` has under `name`, the value of `field`.

    Raises:
        BadSetting: it has nothing of that name.
    """
    if name not in known:
        raise BadSetting(f"{within}{field} is {name!r}; known: {', '.join(known)}")
    return known[name]


def field_of(config: Any, field: str) -> Any:
    """The value of a field, whose name has a dot before each part of a part."""
    for key in field.split("."):
        config = config[key]
    return config


def part_of(config: Any, field: str, kind: Callable[..., T]) -> T:
    """A `kind` with the values that the configuration's part `field` has, which checks them with `within=""`.

    Raises:
        BadSetting: it refuses one, whose name is given in full.
    """
    try:
        return kind(**field_of(config, field))
    except BadSetting as error:
        raise BadSetting(f"config.{field}.{error}") from None


def check_least(config: Any, least: Mapping[str, float], *, within: str = "config.") -> None:
    """
    Args:
        least: the least value that each field can have.
        within: what stands before a field's name in the sentence.

    Raises:
        BadSetting: one is less, or not a number.
    """
    for field, bound in least.items():
        value = field_of(config, field)
        if not value >= bound:
            raise BadSetting(f"{within}{field} is {value}: it is at least {bound}")


def check_shares(config: Any, *fields: str, below_one: bool = False, within: str = "config.") -> None:
    """Raises `BadSetting`: one of the fields is not from 0 to 1, or is 1 and must not be."""
    for field in fields:
        value = field_of(config, field)
        if not 0 <= value <= 1 or (below_one and value == 1):
            raise BadSetting(
                f"{within}{field} is {value}: it is from 0 to 1" + below_one * ", and not 1 itself"
            )
