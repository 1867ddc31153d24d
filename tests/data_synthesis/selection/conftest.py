from __future__ import annotations

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))  # for the small arenas and benchmarks

from small_arenas import arena_of

from data_synthesis.records import Arena, write_records


class Printed:
    """A wide console, and what it printed so far."""

    def __init__(self) -> None:
        self.console = Console(file=StringIO(), width=200)

    def __str__(self) -> str:
        assert isinstance(self.console.file, StringIO)
        return self.console.file.getvalue()


@pytest.fixture
def printed() -> Printed:
    return Printed()


@pytest.fixture
def arenas_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes arenas, or one proved arena for each text, to a file."""

    def write(*arenas: Arena | str) -> Path:
        path = tmp_path / "arenas.jsonl"
        write_records(path, [arena_of(each) if isinstance(each, str) else each for each in arenas])
        return path

    return write
