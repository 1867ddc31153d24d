"""What every benchmark shares: a figure, its table, and its JSON file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number. `bar` is what it should reach, in words; `met` is None where there is no bar."""

    name: str
    value: float
    unit: str
    against: str = ""
    bar: str = ""
    met: bool | None = None


def main(title: str, measure: Callable[..., list[Figure]], **files: str) -> None:
    """Runs `measure`, prints its table, and writes `{"figures": [...]}` where `--json FILE` asks for it.

    Args:
        files: what optional files are for, by name: `measure` gets each as a keyword, None where it is not given.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    for name, purpose in files.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="FILE", help=purpose)
    arguments = parser.parse_args()
    report(title, measure(**{name: getattr(arguments, name) for name in files}), arguments.json)


def report(title: str, figures: list[Figure], file: Path | None) -> None:
    """Prints the table of figures, and writes them to a file where there is one."""
    table = Table("figure", "value", "unit", "against", "bar", "met", title=title)
    for f in figures:
        met = "" if f.met is None else "yes" if f.met else "no"
        table.add_row(f.name, f"{f.value:.4g}", f.unit, f.against, f.bar, met)
    Console().print(table)
    if file:
        file.write_text(json.dumps({"figures": [asdict(f) for f in figures]}, indent=1) + "\n")
