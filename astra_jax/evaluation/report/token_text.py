"""The text of token ids, where the run has a tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer


class TokenText:
    """Decodes ids, and remembers the text of each id that was added; without a tokenizer both are empty."""

    def __init__(self, tokenizer: Tokenizer | None):
        self._tokenizer = tokenizer
        self.table: dict[int, str] = {}

    def add(self, ids: Iterable[int]) -> None:
        if self._tokenizer is not None:
            for i in set(ids) - self.table.keys():
                self.table[i] = self.decode([i])

    def decode(self, ids: Sequence[int]) -> str:
        if self._tokenizer is None:
            return ""
        return self._tokenizer.decode(list(ids), skip_special_tokens=False)


def find_tokenizer(folder: Path) -> TokenText:
    """The tokenizer that lies nearest to the top of a run folder, in a Hugging Face directory or alone."""
    for depth in range(4):
        for path in sorted(folder.glob("*/" * depth + "tokenizer.json")):
            return TokenText(Tokenizer.from_file(str(path)))
    return TokenText(None)
