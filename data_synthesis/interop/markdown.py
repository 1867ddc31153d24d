"""Tables in Markdown, whatever their cells hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table. Integers get separators, line breaks become spaces, bars are escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def counts(head: str, of: Counter[str], what: str = "arenas") -> str:
    """A table of how many arenas, or other things, are what, the most common first."""
    return table((head, what), of.most_common())


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
