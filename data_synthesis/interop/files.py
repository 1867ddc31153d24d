"""Reads a file or a folder of records, whatever it holds: its first record tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from data_synthesis.arenas.rl_rows import RlRow
from data_synthesis.interop.array_records import array_record_values, is_array_record
from data_synthesis.interop.decompositions import decomposition_of
from data_synthesis.interop.json_values import Numbered, json_values
from data_synthesis.interop.rows import DatasetRow
from data_synthesis.interop.saved import is_saved, saved_values
from data_synthesis.interop.tables import table_values
from data_synthesis.interop.upstream import arena_of
from data_synthesis.interop.upstream_records import Instance
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena, BadRecord, Decomposition, Record, first_problem, newer

Read = Arena | Decomposition


class Format(NamedTuple):
    """A kind of record: the fields by which it is known, and what becomes of one."""

    name: str
    fields: frozenset[str]
    read: Callable[[Any], Record]


def _upstream_arena(value: Any) -> Arena:
    return arena_of(Instance.model_validate(value))


def _upstream_decomposition(value: Any) -> Decomposition:
    return decomposition_of(Instance.model_validate(value))


# In this order: upstream's steps keep the fields of those before.
FORMATS = (
    Format("an arena", frozenset({"tools", "gold_calls"}), Arena.model_validate),
    Format(
        "a data set row",
        frozenset({"sub_qa_dict", "gold_calls"}),
        lambda v: DatasetRow.model_validate(v).arena(),
    ),
    Format("a released RL row", frozenset({"sub_qa_dict"}), lambda v: RlRow.model_validate(v).arena()),
    Format("a decomposition", frozenset({"sub_questions"}), Decomposition.model_validate),
    Format("upstream's step 5", frozenset({"aggregated_env"}), _upstream_arena),
    Format("upstream's step 4", frozenset({"env_result"}), _upstream_arena),
    Format("upstream's steps 1 to 3", frozenset({"decomposition_trace"}), _upstream_decomposition),
)
_RAW = frozenset({"params", "response"})  # what step 1 writes beside the file that step 2 reads


def read_any(
    path: str | Path,
    *,
    check: Callable[[Read], None] = lambda _: None,
    rejects: list[BadRecord] | None = None,
) -> Iterator[Read]:
    """Yields the records of a file or folder of any form that `open_values` knows.

    Arenas come from arenas, data set rows, released RL rows, and upstream's steps 4 and 5; decompositions from
    decompositions and upstream's steps 1 to 3. None is proved by being read.

    Args:
        check: raises `Rejected` for a record that is not wanted.
        rejects: if given, what is refused is appended here and reading goes on; otherwise the first one raises. Its
            `reason` is `unreadable_record`, or says why the record is no good (`missing_environment`, ...).

    Raises:
        BadRecord: the first record is of no known kind; and as `rejects` says.
        OSError: no such file.
        PipelineError: the package that reads Parquet is missing.
    """
    return read_formats(path, FORMATS, check=check, rejects=rejects)


def read_formats(
    path: str | Path,
    formats: Sequence[Format],
    *,
    check: Callable[[Any], None] = lambda _: None,
    rejects: list[BadRecord] | None = None,
) -> Iterator[Any]:
    """As `read_any`, of files of other formats: the first of `formats` whose fields the first record has."""
    kind, values = open_values(path, formats)
    for each in values:
        item = read_value(each, kind, formats, check)
        if not isinstance(item, BadRecord):
            yield item
        elif rejects is None:
            raise item
        else:
            rejects.append(item)


def read_arenas(path: str | Path, *, rejects: list[BadRecord] | None = None) -> Iterator[Arena]:
    """As `read_any`, of files of arenas: a decomposition is refused as `not_an_arena`."""
    return cast(Iterator[Arena], read_any(path, check=is_arena, rejects=rejects))


def is_arena(record: Read) -> None:
    """
    Raises:
        Rejected: `not_an_arena`.
    """
    if not isinstance(record, Arena):
        raise Rejected("not_an_arena", "is a decomposition, which has no tools yet")


def open_values(path: str | Path, formats: Sequence[Format]) -> tuple[Format | None, Iterator[Numbered]]:
    """The kind of what `path` holds, that of its first object (None without one), and its values as they stand.

    A file is JSONL, indented JSON documents, Parquet or ArrayRecord; a folder holds Parquet, ArrayRecord, or what
    `save_to_disk` of Hugging Face `datasets` wrote. Raises as `read_any`.
    """
    values = _values(Path(path))
    head: list[Numbered] = []  # up to the first object
    for each in values:
        head.append(each)
        if isinstance(each.value, dict):
            break
    kind = _kind(head[-1], formats) if head and isinstance(head[-1].value, dict) else None
    return kind, chain(head, values)


def read_value(
    each: Numbered,
    kind: Format | None,
    formats: Sequence[Format],
    check: Callable[[Any], None] = lambda _: None,
) -> Any:
    """The record of a value of `open_values`, or the `BadRecord` that says why it is none."""
    return _richer(each, kind, formats) or _item(each, kind, check)


def _values(path: Path) -> Iterator[Numbered]:
    if is_saved(path):
        return saved_values(path)
    if is_array_record(path):
        return array_record_values(path)
    return table_values(path) if path.is_dir() or path.suffix == ".parquet" else json_values(path)


def _kind(first: Numbered, formats: Sequence[Format]) -> Format:
    fields = first.value.keys()
    for kind in formats:
        if kind.fields <= fields:
            return kind
    if fields >= _RAW:
        problem = (
            "is a raw reply of upstream's step 1; the file to read is the one whose name ends in `_processed`"
        )
    else:
        known = "; ".join(f"{kind.name} ({', '.join(sorted(kind.fields))})" for kind in formats)
        problem = f"has the fields {', '.join(fields) or 'none'}, by which it is none of: {known}"
    raise BadRecord(first.path, first.line, "", problem)


def _richer(each: Numbered, kind: Format | None, formats: Sequence[Format]) -> BadRecord | None:
    """A record that says more than the file's first one did, and of which that would be passed over."""
    if kind is None or not isinstance(each.value, dict):
        return None
    own = next((f for f in formats[: formats.index(kind)] if f.fields <= each.value.keys()), kind)
    if own.read is kind.read:
        return None
    problem = f"is {own.name}, in a file that begins with {kind.name}"
    return BadRecord(each.path, each.line, "", problem, reason="other_kind")


def _item(each: Numbered, kind: Format | None, check: Callable[[Any], None]) -> Record | BadRecord:
    if isinstance(each.value, BadRecord):
        return each.value
    if kind is None or not isinstance(each.value, dict):
        return BadRecord(each.path, each.line, "", "is no JSON object")
    try:
        record = kind.read(each.value)
        check(record)
    except ValidationError as error:
        field, problem = first_problem(error)
        return BadRecord(each.path, each.line, field, f"{problem} (not {kind.name}{newer(each.value)})")
    except Rejected as no:
        return BadRecord(each.path, each.line, "", no.detail, no.reason)
    return record
