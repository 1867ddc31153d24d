"""The formats that tool documents come in: how each is known, and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import ValidationError

from data_synthesis.interop.json_values import Numbered
from data_synthesis.interop.tables import table_values
from data_synthesis.pipeline import Rejected
from data_synthesis.records import BadRecord, first_problem
from data_synthesis.trajectories.intake.documents import YAML, documents
from data_synthesis.trajectories.intake.openapi import openapi_server
from data_synthesis.trajectories.intake.own import arena_server, known_arena, own_server
from data_synthesis.trajectories.intake.raw import RawServer, kind_of
from data_synthesis.trajectories.intake.settings import IntakeSettings
from data_synthesis.trajectories.intake.tool_lists import is_tool, listed_server, tool_list_server
from data_synthesis.trajectories.intake.upstream import upstream_server

Kind = Literal["auto", "upstream", "openapi", "tool_list", "servers", "arenas"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class _Format(NamedTuple):
    """`knows` a JSON object of its kind by its fields; `read` raises `Rejected` or a `ValidationError`."""

    kind: Kind
    knows: Callable[[dict[str, Any]], bool]
    read: Callable[[Numbered], RawServer]


# In this order: an arena has tools as well.
_FORMATS = (
    _Format("upstream", lambda value: bool(value.keys() & {"base_info", "mcp_info"}), upstream_server),
    _Format("openapi", lambda value: bool(value.keys() & {"openapi", "swagger"}), openapi_server),
    _Format("arenas", known_arena, arena_server),
    _Format("servers", lambda value: value.keys() >= {"title", "tools"}, own_server),
    _Format("tool_list", lambda value: "tools" in value or "result" in value, tool_list_server),
)
_FILES = frozenset({".json", ".jsonl", *YAML})


def raw_servers(
    path: str | Path, kind: Kind = "auto", settings: IntakeSettings | None = None
) -> Iterator[RawServer | BadRecord]:
    """Yields what a file offers, or all files of a folder in the order of their names, to `take_in`.

    Tools that stand alone, one after the other or in a list, are one server for each file.

    Args:
        kind: the format of every object; `auto` lets each tell by its fields.

    Raises:
        OSError: there is no such file, or it cannot be read.
        PipelineError: a package is missing that reads the format.
    """
    settings = settings or IntakeSettings()
    for file in _files(Path(path)):
        yield from _of_file(file, kind, settings)


def _files(path: Path) -> list[Path]:
    """A folder without files of its own is a data set, which is read in one."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in _FILES) or [path]


def _of_file(path: Path, kind: Kind, settings: IntakeSettings) -> Iterator[RawServer | BadRecord]:
    in_table = path.is_dir() or path.suffix == ".parquet"
    values = table_values(path) if in_table else documents(path, settings.max_file_bytes)
    alone: list[Numbered] = []
    for each in values:
        if kind in ("auto", "tool_list") and isinstance(each.value, dict) and is_tool(each.value):
            alone.append(each)
        else:
            yield _read(each, kind)
    if alone:
        yield listed_server(alone[0], [each.value for each in alone])


def _read(each: Numbered, kind: Kind) -> RawServer | BadRecord:
    value = each.value
    if isinstance(value, BadRecord):
        return value
    if not isinstance(value, dict):
        return BadRecord(each.path, each.line, "", f"is {kind_of(value)}, not an object", "unknown_format")
    known = next(
        (one for one in _FORMATS if (one.knows(value) if kind == "auto" else one.kind == kind)), None
    )
    if known is None:
        return BadRecord(each.path, each.line, "", _unknown(value), "unknown_format")
    try:
        return known.read(each)
    except ValidationError as error:
        field, problem = first_problem(error)
        return BadRecord(each.path, each.line, field, f"{problem} (not of {known.kind})", "bad_server")
    except Rejected as no:
        return BadRecord(each.path, each.line, "", no.detail, no.reason)


def _unknown(value: Iterable[str]) -> str:
    fields = ", ".join(list(value)[:10]) or "none"
    return f"has the fields {fields}, by which it is no server, specification, list of tools or arena"
