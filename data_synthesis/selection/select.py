"""From a file of proved arenas to those worth training on: decontaminated, without repeats, to a mix."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable
from data_synthesis.pipeline import PipelineError
from data_synthesis.pipeline.results import replacing
from data_synthesis.records import Arena, BadRecord, write_records
from data_synthesis.selection.benchmarks import load
from data_synthesis.selection.candidates import Candidate, candidates
from data_synthesis.selection.contamination import Contamination
from data_synthesis.selection.errors import SelectionError
from data_synthesis.selection.mix import SCENARIOS, Item, Mix, lacking, largest, quotas, sample
from data_synthesis.selection.near_duplicates import Twin, by_embedding, by_shingles
from data_synthesis.selection.sieve import Sieve

NEAR = 0.8  # Jaccard of shingles
NEAR_MEANING = 0.9  # cosine of embeddings

T = TypeVar("T")


def select_file(
    path: str | Path,
    out: str | Path,
    *,
    mix: Mix | None = None,
    size: int | None = None,
    seed: int = 0,
    near: float | None = NEAR,
    embedder: Embedder | None = None,
    near_meaning: float = NEAR_MEANING,
    benchmarks: Sequence[str] = (),
    console: Console | None = None,
    rejects: str | Path | None = None,
) -> int:
    """Selects arenas of a file, in its order, and says what became of the others.

    Args:
        path: JSONL of `Arena` records. Those that are not proved are rejected.
        out: where to write the selected arenas.
        mix: wanted shares of scenarios; null takes arenas as they come.
        size: how many to select; null selects as many as the mix allows.
        near: reject a question whose shingles have at least this Jaccard similarity with those of a selected one;
            null compares none. Arenas of different variants are never compared.
        embedder: also reject a question whose embedding has at least the cosine `near_meaning` with a selected one's.
        benchmarks: what not to repeat, see `benchmarks.load`.
        rejects: where to write those that are not selected, with reasons; null writes them beside `out`, as
            `NAME.rejects.jsonl`.

    Returns:
        The exit status: 0 when the file is written, 2 when nothing is, with a sentence that says why.
    """
    console, out = console or Console(), Path(out)
    rejects = Path(rejects) if rejects else out.with_name(f"{out.stem}.rejects.jsonl")
    try:
        if size is not None and size < 1:
            raise SelectionError(f"a size of {size} selects nothing")
        if rejects == out:
            raise SelectionError(f"{out} cannot hold both the selected arenas and the others")
        sieve = _read(path, benchmarks, console)
        if near is not None:
            _drop_repeats(sieve, "minhash", lambda texts: by_shingles(texts, near), console)
        if embedder is not None:
            _drop_repeats(
                sieve, "embedding", lambda texts: by_embedding(texts, embedder, near_meaning), console
            )
        available = _scenarios(sieve)
        bound = _sample(sieve, mix, size, seed)
        _write(sieve, path, out, rejects)
    except (OSError, BadRecord, SelectionError, EmbeddingUnavailable, PipelineError) as error:
        _say(console, f"cannot select from {path}: {error}", "red")
        return 2
    console.print(sieve.funnel.table())
    console.print(_shares(sieve, available, mix))
    _say(
        console,
        f"{bound}{len(sieve.left)} arenas in {out}, {len(sieve.candidates) - len(sieve.left)} in {rejects}",
    )
    return 0


def _read(path: str | Path, benchmarks: Sequence[str], console: Console) -> Sieve[Candidate]:
    """Reads the file, and takes out what is not proved and what repeats a benchmark."""
    found, absent = load(benchmarks)
    for benchmark in found:
        _say(console, f"checked against {benchmark}")
    if missing := ", ".join(map(str, absent)) or ("" if benchmarks else "any benchmark: none was named"):
        _say(console, f"not checked against {missing}", "yellow")
    arenas = _tracked(read_arenas(path), "reading arenas", console)
    sieve = Sieve(list(candidates(arenas, Contamination(found))))
    sieve.reject_if("proved", "not_proved", "unproved")
    if not sieve.left:
        problem = (
            f"none of its {len(sieve.candidates)} arenas is proved"
            if sieve.candidates
            else "it holds no arena"
        )
        raise SelectionError(f"{problem}; `astra arenas verify {path} --out PROVED` proves arenas")
    if found:
        sieve.reject_if("decontaminate", "contaminated", "repeats")
        if not sieve.left:
            raise SelectionError("every proved arena repeats a benchmark")
        names = sum(sieve.candidates[position].names_alone for position in sieve.left)
        _say(console, f"{names} tools have a name, but not the parameters, of a benchmark's function: kept")
    return sieve


def _drop_repeats(
    sieve: Sieve[Candidate],
    stage: str,
    twins: Callable[[Iterable[str]], Iterator[Twin | None]],
    console: Console,
) -> None:
    details: dict[int, str] = {}
    for positions in _by_variant(sieve):
        shown = _tracked(positions, f"comparing questions ({stage})", console)
        texts = (sieve.candidates[position].text for position in shown)
        for position, twin in zip(positions, twins(texts), strict=True):
            if twin:
                other = sieve.candidates[positions[twin.position]].id
                details[position] = f"{twin.measure} {twin.similarity:.3f} with arena {other}"
    sieve.reject(stage, "near_duplicate", details)


def _by_variant(sieve: Sieve[Candidate]) -> list[list[int]]:
    """The positions that are left, by variant."""
    groups: dict[str, list[int]] = defaultdict(list)
    for position in sieve.left:
        groups[sieve.candidates[position].variant].append(position)
    return list(groups.values())


def _scenarios(sieve: Sieve[Candidate]) -> Counter[str]:
    """How many are left of each scenario."""
    return Counter(sieve.candidates[position].scenario for position in sieve.left)


def _sample(sieve: Sieve[Candidate], mix: Mix | None, size: int | None, seed: int) -> str:
    """Samples to the mix and the size. Returns a sentence on what bounds the size, where it is not given."""
    if mix is None and size is None:
        return ""
    wanted = mix or {"": Fraction(1)}
    left = [sieve.candidates[position] for position in sieve.left]
    items = [Item(each.id, each.scenario if mix else "", each.domain) for each in left]
    available = Counter(item.stratum for item in items)
    most = largest(wanted, available)
    bound = _bound(wanted, available, size or most + 1)
    if not most or (size and size > most):
        raise SelectionError(f"{bound}; the largest such selection has {most} arenas")
    counts = quotas(wanted, size or most)
    chosen = {sieve.left[index] for index in sample(items, counts, seed)}
    others = {
        position: f"{counts.get(item.stratum, 0)} of {available[item.stratum]} {_arenas(item.stratum)} were sampled"
        for position, item in zip(sieve.left, items, strict=True)
        if position not in chosen
    }
    sieve.reject("mix", "over_mix", others)
    return f"{bound}\n" if size is None and bound else ""


def _bound(wanted: Mix, available: Mapping[str, int], size: int) -> str:
    """Why `size` cannot be reached; empty if it can, or if only the sum of all is too small."""
    counts = quotas(wanted, size)
    return ", ".join(
        f"{size} would need {counts[stratum]} {_arenas(stratum)}, and {available.get(stratum, 0)} are left"
        for stratum in lacking(wanted, available, size)
    )


def _arenas(stratum: str) -> str:
    return f"`{stratum}` arenas" if stratum else "arenas"


def _write(sieve: Sieve[Candidate], path: str | Path, out: Path, rejects: Path) -> None:
    rejects.parent.mkdir(parents=True, exist_ok=True)
    with replacing(rejects) as lines:
        lines.writelines(sieve.reject_lines())
    write_records(out, _again(path, sieve))


def _again(path: str | Path, sieve: Sieve[Candidate]) -> Iterator[Arena]:
    """The selected arenas, read a second time.

    Raises:
        SelectionError: the file is not what it was.
    """
    left, position = set(sieve.left), -1
    for position, arena in enumerate(read_arenas(path)):
        if position >= len(sieve.candidates) or arena.id != sieve.candidates[position].id:
            break
        if position in left:
            yield arena
    else:
        if position + 1 == len(sieve.candidates):
            return
    raise SelectionError("it changed while it was read")


def _shares(sieve: Sieve[Candidate], available: Counter[str], mix: Mix | None) -> Table:
    proved = Counter(each.scenario for each in sieve.candidates if not each.unproved)
    selected = _scenarios(sieve)
    table = Table(title="scenarios, by the shape of the gold calls")
    table.add_column("scenario", no_wrap=True)
    for column in ("proved", "share", "before sampling", "selected", "share", "wanted"):
        table.add_column(column, justify="right")
    for scenario in SCENARIOS:
        table.add_row(
            scenario,
            str(proved[scenario]),
            f"{proved[scenario] / proved.total():.1%}",
            str(available[scenario]),
            str(selected[scenario]),
            f"{selected[scenario] / selected.total():.1%}",
            f"{float(mix.get(scenario, 0)):.1%}" if mix else "",
        )
    return table


def _say(console: Console, sentence: str, style: str | None = None) -> None:
    console.print(sentence, style=style, markup=False, soft_wrap=True)


def _tracked(things: Iterable[T], description: str, console: Console) -> Iterable[T]:
    return track(things, description, console=console, transient=True, disable=not console.is_terminal)
