"""Mixes distractors into a file of arenas, and proves the arenas again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_synthesis.arenas.bands import BANDS, BandSettings, Draw, EmbeddedPool, draws
from data_synthesis.arenas.distractors import PoolTool, tool_pool
from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.arenas.structure import tool_findings
from data_synthesis.arenas.verify import Reader, verify_file
from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable
from data_synthesis.records import Arena, BadRecord
from data_synthesis.sandbox.interface import Sandbox

_SLICE = 256  # texts between two movements of the progress bar


def distract_file(
    path: str | Path,
    out: str | Path,
    sandbox: Sandbox,
    embedder: Embedder,
    *,
    pool: Sequence[str | Path] = (),
    settings: BandSettings | None = None,
    seed: int = 0,
    reader: Reader = read_arenas,
    console: Console | None = None,
    workers: int = 2,
) -> int:
    """Adds distractors to every arena of a file, proves the result, and writes the arenas that are proved to `out`.

    Args:
        pool: files whose arenas' tools are mixed in; those of `path` if none is given. Tools that could not pass the
            proof are left out of it.
        settings, seed: see `bands.mix_in`.
        reader: knows the format of `path` and `pool`.
        workers: arenas proved at a time.

    Returns:
        The exit status: 0 when all arenas are proved, 1 when one is not and is left out, 2 when nothing could be
        done: no arena can be read, there are no embeddings, or the sandbox failed.
    """
    console = console or Console()

    def mixed(path: str | Path, *, rejects: list[BadRecord] | None) -> list[Arena]:
        arenas = list(reader(path, rejects=rejects))
        tools = tool_pool(
            [arena for each in pool for arena in reader(each, rejects=None)] if pool else arenas
        )
        sound = [each for each in tools if not any(tool_findings(each.tool))]
        done = list(draws(arenas, EmbeddedPool(sound, _Shown(embedder, console)), settings, seed))
        _print(console, done, tools, sound)
        return [draw.arena for draw in done]

    try:
        return verify_file(path, sandbox, reader=mixed, proved_out=out, console=console, workers=workers)
    except (EmbeddingUnavailable, OSError) as error:
        console.print(
            f"cannot mix distractors into {path}: {error}", style="red", markup=False, soft_wrap=True
        )
        return 2


class _Shown:
    """Embeds slice by slice, with a progress bar where that takes long."""

    def __init__(self, embedder: Embedder, console: Console):
        self._embedder, self._console = embedder, console
        self.name = embedder.name

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        starts = range(0, len(texts), _SLICE)
        if len(starts) < 2:
            return self._embedder.embed(texts)
        shown = track(starts, f"embedding with {self.name}", console=self._console, transient=True)
        return np.concatenate([self._embedder.embed(texts[start : start + _SLICE]) for start in shown])


def _print(
    console: Console, done: Sequence[Draw], tools: Sequence[PoolTool], sound: Sequence[PoolTool]
) -> None:
    table = Table("band", title=f"distractors from a pool of {len({each.tool.name for each in sound})} tools")
    for column in ("offered per arena", "taken", "arenas without"):
        table.add_column(column, justify="right")
    for band in BANDS:
        offered = [draw.offered[band] for draw in done]
        taken = sum(draw.taken[band] for draw in done)
        table.add_row(band, f"{np.mean(offered or [0]):.1f}", str(taken), str(offered.count(0)))
    console.print(table)
    if len(sound) < len(tools):
        console.print(
            f"{len(tools) - len(sound)} of {len(tools)} tools would not pass the proof, and are left out"
        )
    if without := sum(not any(draw.offered.values()) for draw in done):
        console.print(
            f"{without} of {len(done)} arenas get none: the pool has no tools of other domains to tell apart"
        )
