"""Configurations: a Python file with `get_config()`, and overrides such as `--config.optimizer.learning_rate=1e-3`."""

from __future__ import annotations

import ast
import difflib
import runpy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict


class BadConfig(ValueError):
    """A configuration file or an override that cannot be used; the message is one sentence for the user."""


def load(path: str | Path, overrides: Sequence[str] = ()) -> ConfigDict:
    """The configuration of a file, changed by overrides `key.sub_key=value`, and locked.

    A value has the type of the one it replaces: `1e-3`, `true`, `(1, 2)`, or text.

    Raises:
        BadConfig: no such file, no `get_config`, an unknown key (names the nearest), a value of another type.
    """
    path = Path(path)
    if not path.is_file():
        raise BadConfig(f"there is no configuration file {path}; the ones that come along are under configs/")
    config = _run(path)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise BadConfig(f"--config.{override} has no value; write --config.{key}=VALUE")
        _override(config, key, value)
    config.lock()
    return config


def describe(config: ConfigDict) -> str:
    """Every field on a line, as an override would name it: `optimizer.learning_rate = 0.001`."""
    return "\n".join(f"{key} = {value!r}" for key, value in _fields(config))


def _run(path: Path) -> ConfigDict:
    try:
        names = runpy.run_path(str(path))
        config = names["get_config"]() if "get_config" in names else None
    except BadConfig:
        raise
    except Exception as error:
        raise BadConfig(f"{path} does not run: {type(error).__name__}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise BadConfig(f"{path} has no get_config() that returns a ConfigDict")
    return config


def _override(config: ConfigDict, key: str, text: str) -> None:
    *parents, name = key.split(".")
    node = config
    for parent in parents:
        node = _child(node, parent, key, config)
        if not isinstance(node, ConfigDict):
            raise BadConfig(f"configuration key `{key}`: `{parent}` is a value and has no keys")
    old = _child(node, name, key, config)
    node[name] = _convert(text, old, key)


def _child(node: ConfigDict, name: str, key: str, config: ConfigDict) -> Any:
    if name in node:
        return node[name]
    near = difflib.get_close_matches(key, _keys(config), n=1, cutoff=0.0)
    raise BadConfig(f"there is no configuration key `{key}`; did you mean `{near[0]}`?")


def _keys(config: ConfigDict) -> list[str]:
    return [key for key, _ in _fields(config)]


def _fields(config: ConfigDict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _fields(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _convert(text: str, old: Any, key: str) -> Any:
    """`text` as a value of the type of `old`; integers widen to floats, and None takes any literal."""
    if isinstance(old, ConfigDict):
        raise BadConfig(
            f"configuration key `{key}` is a section; set one of its keys: {', '.join(_keys(old))}"
        )
    if isinstance(old, bool):
        if text.lower() not in ("true", "false"):
            raise BadConfig(f"configuration key `{key}` is true or false, not {text!r}")
        return text.lower() == "true"
    if isinstance(old, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if old is None:
            return text
        raise BadConfig(f"configuration key `{key}` is of type {type(old).__name__}, not {text!r}") from None
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if old is not None and type(value) is not type(old):
        raise BadConfig(f"configuration key `{key}` is of type {type(old).__name__}, not {text!r}")
    return value
