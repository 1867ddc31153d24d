"""What a file of arenas holds, as tables beside the paper's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median

from rich.console import Console
from rich.table import Table

from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.pipeline import PipelineError
from data_synthesis.pipeline.lines import json_line
from data_synthesis.pipeline.results import replacing
from data_synthesis.records import Arena, BadRecord
from data_synthesis.selection.difficulty import Difficulty, measure, script
from data_synthesis.selection.errors import SelectionError
from data_synthesis.selection.mix import PAPER_MIX, SCENARIOS
from data_synthesis.selection.schema_size import WORDS_AND_MARKS, Unit

# ASTRA (arXiv 2601.21558), its RL data set of 6,596 instances.
PAPER_GOLD_CALLS = 3.98  # mean tool calls of a sample
PAPER_PARALLEL = 0.442  # of all steps
PAPER_SCRIPTS = {"Latin": 0.712, "Han": 0.288}  # English and Chinese

_SHOWN = 20  # domains
_NO_SHAPE = "unknown shape"


@dataclass(frozen=True)
class Measured:
    """An arena's line in the statistics."""

    id: str
    domain: str
    script: str
    variant: str
    scenario: str  # what the record says
    proved: bool
    difficulty: Difficulty


def stats_file(
    path: str | Path,
    *,
    unit: Unit = WORDS_AND_MARKS,
    measures_out: str | Path | None = None,
    console: Console | None = None,
) -> int:
    """Measures every arena of a file of `Arena` records or released RL rows, and prints tables.

    Args:
        unit: what tool documents are counted in.
        measures_out: where to write what was measured, one JSON object for each arena. Its scenario is that of the
            shape, and the one that the record states where the shape is not known.

    Returns:
        The exit status: 0, or 2 when the file cannot be read or is empty.
    """
    console = console or Console()
    try:
        arenas = list(_measured(read_arenas(path), unit))
        if not arenas:
            raise SelectionError("it holds no arena")
        if measures_out is not None:
            _write(Path(measures_out), arenas, unit)
    except (OSError, BadRecord, PipelineError, SelectionError) as error:
        console.print(f"cannot measure {path}: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    for table in tables(arenas, unit):
        console.print(table)
    console.print(_summary(arenas), soft_wrap=True)
    return 0


def _measured(arenas: Iterator[Arena], unit: Unit) -> Iterator[Measured]:
    for arena in arenas:
        try:
            difficulty = measure(arena, unit)
        except ValueError as error:
            raise SelectionError(f"arena {arena.id}: {error}") from error
        proved = arena.verification is not None and arena.verification.passed
        yield Measured(
            arena.id, arena.domain, script(arena.question), arena.variant, arena.scenario, proved, difficulty
        )


def tables(arenas: Sequence[Measured], unit: Unit) -> list[Table]:
    """Scenarios, measures, answer types, scripts, variants and domains."""
    shapes = [arena.difficulty.shape for arena in arenas]
    scenarios = Counter(shape.scenario if shape else _NO_SHAPE for shape in shapes)
    answers = Counter(kind for arena in arenas for kind in arena.difficulty.answer_types)
    paper = {scenario: float(share) for scenario, share in PAPER_MIX.items()}
    return [
        _shares("scenario", scenarios, paper, [*SCENARIOS, *([_NO_SHAPE] if scenarios[_NO_SHAPE] else [])]),
        _measures(arenas, unit),
        _shares("answer type", answers),
        _shares("script of the question", Counter(arena.script for arena in arenas), PAPER_SCRIPTS),
        _shares("variant", Counter(arena.variant for arena in arenas)),
        _shares("domain", Counter(arena.domain for arena in arenas)),
    ]


def _shares(
    title: str, counts: Mapping[str, int], paper: Mapping[str, float] | None = None, order: Sequence[str] = ()
) -> Table:
    table = Table()
    table.add_column(title, no_wrap=True)
    for column in ("count", "share", *(["paper"] if paper else [])):
        table.add_column(column, justify="right")
    names = order or sorted(counts, key=lambda name: (-counts[name], name))
    for name in names[:_SHOWN]:
        share = f"{counts[name] / sum(counts.values()):.1%}"
        row = [name, str(counts[name]), share]
        table.add_row(*row, *([f"{paper[name]:.1%}" if name in paper else ""] if paper else []))
    if rest := names[_SHOWN:]:
        table.add_row(f"and {len(rest)} more", str(sum(counts[name] for name in rest)))
    return table


def _measures(arenas: Sequence[Measured], unit: Unit) -> Table:
    all_of = [arena.difficulty for arena in arenas]
    shapes = [each.shape for each in all_of if each.shape]
    columns = {
        "gold calls": ([each.gold_calls for each in all_of], str(PAPER_GOLD_CALLS)),
        "depth (layers)": ([shape.depth for shape in shapes], ""),
        "width (largest layer)": ([shape.width for shape in shapes], ""),
        "parallel share": ([each.parallel_share for each in all_of if each.parallel_share is not None], ""),
        "tools": ([each.tools for each in all_of], ""),
        "distractors": ([each.distractors for each in all_of], ""),
        f"tool documents, {unit.name}": ([each.schema_size for each in all_of], ""),
    }
    table = Table()
    table.add_column("an arena's")
    for column in ("min", "median", "mean", "max", "paper's mean"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, (values, paper) in columns.items():
        if values:
            table.add_row(
                name,
                f"{min(values):g}",
                f"{median(values):g}",
                f"{mean(values):.2f}",
                f"{max(values):g}",
                paper,
            )
    return table


def _summary(arenas: Sequence[Measured]) -> str:
    shapes = [(arena.scenario, arena.difficulty) for arena in arenas if arena.difficulty.shape]
    parallel = sum(each.shape.parallel_calls for _, each in shapes if each.shape)
    calls = sum(each.gold_calls for _, each in shapes)
    other = sum(each.shape.scenario != scenario for scenario, each in shapes if each.shape)
    sentences = [f"{sum(arena.proved for arena in arenas)} of {len(arenas)} arenas are proved"]
    if calls:
        sentences.append(
            f"{parallel / calls:.1%} of their gold calls share a layer (paper: {PAPER_PARALLEL:.1%} of steps)"
        )
    if other:
        sentences.append(f"{other} say another scenario than their shape is, and are counted by shape")
    if unknown := len(arenas) - len(shapes):
        sentences.append(f"{unknown} do not say which gold call depends on which")
    return "; ".join(sentences)


def _write(path: Path, arenas: Sequence[Measured], unit: Unit) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as out:
        for arena in arenas:
            line = {**asdict(arena), **asdict(arena.difficulty), "schema_unit": unit.name}
            line |= {"parallel_share": arena.difficulty.parallel_share, **(line.pop("shape") or {})}
            del line["difficulty"]
            out.write(json_line(line))
