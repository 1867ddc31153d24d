"""Measures and selects the rows of a file, and prints tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from data_synthesis.interop.beside import funnel_beside, funnel_path
from data_synthesis.interop.refusals import Refusals
from data_synthesis.pipeline import PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import replacing
from data_synthesis.records import BadRecord, Trajectory, write_records
from data_synthesis.selection.benchmarks import Benchmark, load
from data_synthesis.selection.errors import SelectionError
from data_synthesis.selection.sieve import Sieve
from data_synthesis.trajectories.rows.files import read_rows
from data_synthesis.trajectories.rows.select import SETTINGS, RowCandidate, SelectSettings, funnel_of, sift
from data_synthesis.trajectories.rows.statistics import statistics_of, tables


def stats_rows(path: str | Path, *, console: Console | None = None) -> int:
    """Prints what the rows of a file are, broken ones too, and which lines are none.

    Returns:
        The exit status: 0; 1 when a line is no row; 2 when the file cannot be read or holds no row.
    """
    console, refusals = console or Console(), Refusals()
    try:
        statistics = statistics_of(read_rows(path, rejects=refusals.unread))
        if not statistics.rows:
            raise PipelineError("it holds no row")
    except (OSError, BadRecord, PipelineError) as error:
        refusals.show(console)
        _say(console, f"cannot measure {path}: {error}", "red")
        return 2
    refusals.show(console)
    for table in tables(statistics):
        console.print(table)
    return 1 if refusals.count else 0


def select_rows_file(
    path: str | Path,
    out: str | Path,
    *,
    settings: SelectSettings = SETTINGS,
    benchmarks: Sequence[str] = (),
    rejects: str | Path | None = None,
    console: Console | None = None,
) -> int:
    """Writes the rows of a file that `select_rows` keeps, as records, and says what became of the others.

    `NAME.funnel.json` beside the output goes on with the funnel beside the input, for the card of a data set.

    Args:
        path: whatever `read_rows` reads.
        benchmarks: what not to repeat, see `benchmarks.load`.
        rejects: where to write the others, with reasons; null writes them beside `out`, as `NAME.rejects.jsonl`.

    Returns:
        The exit status: 0 when the file is written, 2 when nothing is, with a sentence that says why.
    """
    console, out = console or Console(), Path(out)
    rejects = Path(rejects) if rejects else out.with_name(f"{out.stem}.rejects.jsonl")
    unread = Refusals()
    try:
        if out.resolve() in (rejects.resolve(), Path(path).resolve()):
            raise SelectionError(f"{out} cannot hold the selected rows and something else")
        sieve = sift(read_rows(path, rejects=unread.unread), settings, _loaded(benchmarks, console))
        if not sieve.left:
            raise SelectionError(f"none of its {len(sieve.candidates)} rows is left: {_why(sieve)}")
        rejects.parent.mkdir(parents=True, exist_ok=True)
        with replacing(rejects) as lines:
            lines.writelines(json_line({"stage": "read", **line}) for line in unread.lines())
            lines.writelines(sieve.reject_lines())
        with replacing(funnel_path(out)) as funnel:
            funnel.write(funnel_of(funnel_beside(Path(path)), sieve).model_dump_json(indent=2) + "\n")
        write_records(out, _again(path, sieve))
    except (OSError, BadRecord, PipelineError, SelectionError) as error:
        unread.show(console)
        _say(console, f"cannot select from {path}: {error}", "red")
        return 2
    unread.show(console)
    console.print(sieve.funnel.table())
    _say_names(sieve, console)
    lost = len(sieve.candidates) - len(sieve.left) + unread.count
    _say(console, f"{len(sieve.left)} rows in {out}, {lost} in {rejects}")
    return 0


def _loaded(names: Sequence[str], console: Console) -> list[Benchmark]:
    found, absent = load(names)
    for benchmark in found:
        _say(console, f"checked against {benchmark}")
    if missing := ", ".join(map(str, absent)) or ("" if names else "any benchmark: none was named"):
        _say(console, f"not checked against {missing}", "yellow")
    return found


def _again(path: str | Path, sieve: Sieve[RowCandidate]) -> Iterator[Trajectory]:
    """The selected rows, read a second time, so that a file need not fit into memory.

    Raises:
        SelectionError: the file is not what it was.
    """
    left, position = set(sieve.left), -1
    for position, row in enumerate(read_rows(path, rejects=[])):
        if position >= len(sieve.candidates) or row.id != sieve.candidates[position].id:
            break
        if position in left:
            yield row
    else:
        if position + 1 == len(sieve.candidates):
            return
    raise SelectionError("it changed while it was read")


def _why(sieve: Sieve[RowCandidate]) -> str:
    reasons = [
        f"{reason} {count}" for stage in sieve.funnel.stages for reason, count in stage.rejected.items()
    ]
    return ", ".join(reasons) or "there was none"


def _say_names(sieve: Sieve[RowCandidate], console: Console) -> None:
    if names := sum(sieve.candidates[position].names_alone for position in sieve.left):
        _say(console, f"{names} tools have a name, but not the parameters, of a benchmark's function: kept")


def _say(console: Console, sentence: str, style: str | None = None) -> None:
    console.print(sentence, style=style, markup=False, soft_wrap=True)
