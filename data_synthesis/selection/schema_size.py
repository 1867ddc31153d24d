"""How long the tool documents are that an arena shows: counted in a unit that says what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_synthesis.records import ToolSpec
from data_synthesis.selection.errors import SelectionError

# A Han or kana character, a word of any other script, or a mark.
_PIECE = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]"
)


class BadTokenizer(SelectionError):
    """A file that is not a tokenizer."""


@dataclass(frozen=True)
class Unit:
    """What text is counted in, and how."""

    name: str
    count: Callable[[str], int]


def _pieces(text: str) -> int:
    return sum(1 for _ in _PIECE.finditer(text))


# Needs no file. Not a model's tokens: docs/synthesis/selection.md compares the two.
WORDS_AND_MARKS = Unit("words and marks", _pieces)


def tokens_of(path: str | Path) -> Unit:
    """A model's tokens, by its `tokenizer.json`.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        BadTokenizer: it cannot be read as one.
    """
    from tokenizers import Tokenizer

    path = Path(path)
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare `Exception`
        raise BadTokenizer(f"{file} is not a tokenizer.json: {error}") from error
    return Unit(f"tokens of {file.parent.name}", lambda text: len(tokenizer.encode(text)))


def schema_size(tools: Sequence[ToolSpec], unit: Unit) -> int:
    """The size of the tools' OpenAI documents, one line of JSON each, as chat templates print them."""
    return sum(unit.count(json.dumps(tool.openai(), ensure_ascii=False)) for tool in tools)
