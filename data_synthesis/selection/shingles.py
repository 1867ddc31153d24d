"""Text as a set of short pieces, and how much two sets share."""

from __future__ import annotations

import re
import unicodedata

CHARACTERS = 5  # of text with spaces: about a word
UNSPACED_CHARACTERS = 2  # of Han and kana: about a word too

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def shingles(text: str) -> frozenset[str]:
    """The character shingles of a text: case, width, punctuation and the length of gaps do not count.

    Runs of Han and kana give pairs of characters, everything else gives runs of five, across the spaces.
    """
    words = _BETWEEN_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    spaced = " ".join(_UNSPACED.sub(" ", words).split())
    pieces = _windows(spaced, CHARACTERS)
    for run in _UNSPACED.findall(words):
        pieces |= _windows(run, UNSPACED_CHARACTERS)
    return frozenset(pieces)


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """What two sets share, of what either holds; 1 for two empty ones."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def _windows(text: str, width: int) -> set[str]:
    """Every run of `width` characters; a shorter text is one."""
    return {text[i : i + width] for i in range(max(1, len(text) - width + 1))} if text else set()
