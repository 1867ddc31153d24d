"""The objects of a file with where they stand: JSON one a line, JSON in one piece, or YAML."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from data_synthesis.interop.json_values import Numbered, json_values
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import UNREADABLE, BadRecord
from data_synthesis.trajectories.intake.plain import DEEPEST

YAML = frozenset({".yaml", ".yml"})
_MOST = 2_000_000  # values of a YAML document once its aliases are written out


def documents(path: Path, max_bytes: int) -> Iterator[Numbered]:
    """Yields the elements of a list, or the values themselves; a `BadRecord` in the place of what cannot be read.

    Raises:
        OSError: there is no such file, or it cannot be read.
        PipelineError: PyYAML is missing.
    """
    if (size := path.stat().st_size) > max_bytes:
        problem = f"holds {size} bytes, more than {max_bytes}"
        return iter([Numbered(path, 1, BadRecord(path, 1, "", problem, "file_too_large"))])
    values = _yaml(path) if path.suffix.lower() in YAML else _json(path)
    return chain.from_iterable(_elements(each) for each in values)


def _elements(each: Numbered) -> Iterable[Numbered]:
    if each.value == []:
        return [each._replace(value=BadRecord(each.path, each.line, "", "is an empty list"))]
    if not isinstance(each.value, list):
        return [each]
    return (each._replace(value=element) for element in each.value)


def _json(path: Path) -> Iterable[Numbered]:
    values = json_values(path)
    first = next(values, None)
    if first is None:
        return [Numbered(path, 1, BadRecord(path, 1, "", "is empty"))]
    if isinstance(first.value, BadRecord) and (whole := _in_one_piece(path)) is not None:
        return [Numbered(path, 1, whole)]
    return chain([first], values)


def _in_one_piece(path: Path) -> Any:
    """A JSON document whose first line is no value of its own; None where it is none either."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _yaml(path: Path) -> list[Numbered]:
    try:
        import yaml
    except ImportError as error:
        raise PipelineError("YAML needs PyYAML: pip install 'astra-jax[synthesis]'") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
    try:
        value = _Plain()(yaml.load(path.read_bytes().decode("utf-8-sig"), Loader=loader))
    except UnicodeDecodeError as error:
        return [_bad(path, 1, f"is not UTF-8 ({error.reason})")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [_bad(path, line, f"is not YAML ({error.problem})")]
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        return [_bad(path, 1, f"cannot be read as YAML ({type(error).__name__}: {str(error)[:200]})")]
    return [Numbered(path, 1, value)]


def _bad(path: Path, line: int, problem: str) -> Numbered:
    return Numbered(path, line, BadRecord(path, line, "", problem, UNREADABLE))


class _Plain:
    """YAML's values as JSON's. Aliases let ten lines stand for more values than fit in memory, so they are counted."""

    def __init__(self) -> None:
        self._left = _MOST

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise ValueError(f"more than {_MOST} values, or more than {DEEPEST} levels deep")
        if isinstance(value, dict):
            return {_key(key): self(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self(each, depth + 1) for each in value]
        if isinstance(value, datetime.date):
            return value.isoformat()
        return value


def _key(key: Any) -> str:
    """YAML reads the status `200` as a number and the name `on` as true."""
    if isinstance(key, bool):
        return "true" if key else "false"
    return key.isoformat() if isinstance(key, datetime.date) else str(key)
