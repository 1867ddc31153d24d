"""Ordered regular expressions over parameter paths: the first that matches decides, and one must."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import jax

V = TypeVar("V")


def match(rules: Sequence[tuple[str, V]], tree: Any) -> Any:
    """The tree of values that `rules` give to the leaves of `tree`.

    Args:
        rules: (regular expression, value). An expression must match the whole path of a leaf, such as
            `layers/attention/query`.

    Raises:
        ValueError: a leaf that no rule matches.
    """

    def value(path: tuple, _: Any) -> V:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        for pattern, result in rules:
            if re.fullmatch(pattern, name):
                return result
        raise ValueError(f"no rule matches the parameter {name!r}; rules: {[p for p, _ in rules]}")

    return jax.tree_util.tree_map_with_path(value, tree)
