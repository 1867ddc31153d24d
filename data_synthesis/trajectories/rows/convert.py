"""Converts a file between the formats of rows, and says what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

from rich.console import Console

from data_synthesis.interop.beside import funnel_beside, usage_beside
from data_synthesis.interop.refusals import Refusals
from data_synthesis.pipeline import PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import replacing
from data_synthesis.records import BadRecord, ToolServer, Trajectory, read_records, write_records
from data_synthesis.trajectories.rows.dataset import write_rows
from data_synthesis.trajectories.rows.files import read_usable
from data_synthesis.trajectories.rows.messages import to_chat
from data_synthesis.trajectories.rows.sources import Sources
from data_synthesis.trajectories.rows.upstream import to_upstream

Target = Literal["chat", "upstream", "dataset", "trajectories"]
TARGETS: tuple[str, ...] = get_args(Target)


def convert_rows(
    path: str | Path,
    target: Target,
    out: str | Path,
    *,
    unjudged: bool = False,
    held_out: str | Path | None = None,
    name: str | None = None,
    servers: str | Path | None = None,
    licences: Mapping[str, str] | None = None,
    teachers: Mapping[str, str] | None = None,
    console: Console | None = None,
) -> int:
    """Writes the rows of `path`, which is whatever `read_rows` reads, and prints what was refused and why.

    All that was refused is in `OUT.rejects.jsonl` beside the output: what could not be read, broken runs always, and
    null scores and unjudged runs unless `unjudged`.

    Args:
        target: `chat` (`messages` and `tools`), `upstream` (its released layout) and `trajectories` (our records) write
            JSONL, `dataset` a folder for Hugging Face `datasets`, whose card has the funnel and the costs where
            `funnel.json` and the servers' ledgers lie beside `path`.
        held_out: the rows of the split `held_out` of a data set.
        name, licences, teachers: of a data set, as `write_rows` and `Sources` take them.
        servers: the file of the runs' servers, for titles, licences and how tools were executed.

    Returns:
        The exit status: 0 when all was written, 1 when something was refused, 2 when nothing was written.
    """
    console, path, out = console or Console(), Path(path), Path(out)
    refusals = Refusals()
    try:
        if target not in TARGETS:
            raise PipelineError(f"there is no target {target!r}; the targets are {', '.join(TARGETS)}")
        if target != "dataset" and (held_out or name or licences or teachers):
            raise PipelineError(
                f"only a data set has a name, licences and a held-out split; the target is {target}"
            )
        sources = Sources(_known(servers), licences or {})
        rows = read_usable(path, unjudged=unjudged, rejects=refusals.unread)
        if target == "dataset":
            others = read_usable(held_out, unjudged=unjudged, rejects=refusals.unread) if held_out else ()
            written = write_rows(
                rows,
                out,
                held_out=others,
                unjudged=unjudged,
                name=name,
                sources=sources,
                teachers=teachers,
                funnel=funnel_beside(path) if path.is_file() else None,
                usage=usage_beside(path) if path.is_file() else None,
            ).rows
        else:
            written = _write(_some(rows), target, out, sources)
    except (OSError, BadRecord, PipelineError) as error:
        refusals.report(out, console)
        console.print(f"cannot convert {path}: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    refusals.report(out, console)
    console.print(
        f"{written} of {written + refusals.count} rows written to {out} as {target}", soft_wrap=True
    )
    return 1 if refusals.count else 0


def _known(servers: str | Path | None) -> dict[str, ToolServer]:
    return {server.id: server for server in read_records(servers, ToolServer)} if servers else {}


def _some(rows: Iterator[Trajectory]) -> Iterator[Trajectory]:
    """
    Raises:
        PipelineError: there is none.
    """
    first = next(rows, None)
    if first is None:
        raise PipelineError("it holds nothing that can be written")
    return chain([first], rows)


def _write(rows: Iterable[Trajectory], target: Target, out: Path, sources: Sources) -> int:
    if target == "trajectories":
        return write_records(out, rows)
    if target == "chat":
        return _lines((to_chat(row) for row in rows), out)
    return _lines((to_upstream(row, sources.server_of(row)) for row in rows), out)


def _lines(values: Iterable[Mapping[str, Any]], out: Path) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with replacing(out) as lines:
        for count, value in enumerate(values, 1):  # noqa: B007
            lines.write(json_line(value))
    return count
