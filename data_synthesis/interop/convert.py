"""Converts a file between the formats of arenas, and says what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

from rich.console import Console

from data_synthesis.arenas.rl_rows import NotARow, check_rl_row, write_rl_rows
from data_synthesis.interop.beside import funnel_beside, usage_beside
from data_synthesis.interop.dataset import write_dataset
from data_synthesis.interop.files import read_arenas
from data_synthesis.interop.refusals import Refusals
from data_synthesis.pipeline import PipelineError
from data_synthesis.records import Arena, BadRecord, write_records

Target = Literal["arenas", "rl_rows", "dataset"]
TARGETS: tuple[str, ...] = get_args(Target)


def convert_file(
    path: str | Path,
    out: str | Path,
    *,
    to: Target,
    held_out: str | Path | None = None,
    name: str | None = None,
    licences: Mapping[str, str] | None = None,
    console: Console | None = None,
) -> int:
    """Writes the arenas of `path`, which is whatever `read_any` reads, and prints what was refused and why.

    All that was refused is in `OUT.rejects.jsonl` beside the output. Nothing is proved: see `verify_file`.

    Args:
        to: `arenas` and `rl_rows` write JSONL, `dataset` a folder for Hugging Face `datasets`, whose card has the
            funnel and the costs where `funnel.json` and `teacher.sqlite` lie beside `path`.
        held_out: the arenas of the split `held_out` of a data set.
        name, licences: of a data set, as `write_dataset` takes them.

    Returns:
        The exit status: 0 when all was written, 1 when something was refused, 2 when nothing was written.
    """
    console, path, out = console or Console(), Path(path), Path(out)
    refusals = Refusals()
    try:
        if to not in TARGETS:
            raise PipelineError(f"there is no target {to!r}; the targets are {', '.join(TARGETS)}")
        if to == "dataset":
            written = _dataset(path, out, refusals, held_out, name, licences)
        elif held_out or name or licences:
            raise PipelineError(
                f"only a data set has a name, licences and a held-out split; the target is {to}"
            )
        else:
            written = _lines(path, out, to, refusals)
    except (OSError, BadRecord, PipelineError) as error:
        refusals.report(out, console)
        console.print(f"cannot convert {path}: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    refusals.report(out, console)
    console.print(f"{written} of {written + refusals.count} records written to {out} as {to}", soft_wrap=True)
    return 1 if refusals.count else 0


def _lines(path: Path, out: Path, to: Target, refusals: Refusals) -> int:
    arenas = read_arenas(path, rejects=refusals.unread)
    if to == "rl_rows":
        arenas = _carried(arenas, refusals.unwritten)
    first = next(arenas, None)
    if first is None:
        raise PipelineError("it holds nothing that can be written")
    return (write_records if to == "arenas" else write_rl_rows)(out, chain([first], arenas))


def _carried(arenas: Iterable[Arena], refused: list[NotARow]) -> Iterator[Arena]:
    """The arenas that a released row can carry."""
    for arena in arenas:
        try:
            check_rl_row(arena)
        except NotARow as no:
            refused.append(no)
        else:
            yield arena


def _dataset(
    path: Path,
    out: Path,
    refusals: Refusals,
    held_out: str | Path | None,
    name: str | None,
    licences: Mapping[str, str] | None,
) -> int:
    tally = write_dataset(
        read_arenas(path, rejects=refusals.unread),
        out,
        held_out=read_arenas(held_out, rejects=refusals.unread) if held_out else (),
        name=name,
        funnel=funnel_beside(path) if path.is_file() else None,
        usage=usage_beside(path) if path.is_file() else None,
        licences=licences,
        refused=refusals.unwritten,
    )
    return tally.arenas
