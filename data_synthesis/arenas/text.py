"""Text and scalars as token strings, so that two spellings of one answer compare equal.

A number becomes `#` and its canonical digits (`12.0`, `12` and `"12"` are `#12`; `"1,200"` is `#1200`), a word becomes
its NFKC-normalised, case-folded letters and digits. Punctuation separates tokens and is dropped, except between two
digits: `12.5`, `2024-05-12`, `14:30` and `3/4` are one token each, so that 12 is not found inside any of them.
Han and kana characters are a token each, as those scripts put no space between words.
"""

from __future__ import annotations

import re
import unicodedata

_CHUNK = re.compile(r"(?:(?<![^\W_])[+-](?=\d))?[^\W_]+(?:(?<=\d)[.,:/-](?=\d)[^\W_]+)*")
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|0|[1-9]\d*)(?:\.\d+)?")
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_SAME = str.maketrans({"\u2212": "-", "\u2044": "/", "'": None, "\u2019": None})
_LONGEST_NUMBER = 40  # characters; Python refuses to parse integers of thousands of digits


def number_token(value: int | float) -> str:
    """The token of a number: floats that are whole are integers, others keep 12 significant digits."""
    if isinstance(value, float):
        if not value.is_integer():
            value = float(f"{value:.12g}")
        if value.is_integer():
            value = int(value)
    return f"#{value}"


def normalise(text: str) -> str:
    """The tokens of `text`, separated by single spaces. Empty when it holds no letter and no digit."""
    if len(text) <= _LONGEST_NUMBER and text.isascii() and text.isalpha():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).translate(_SAME).casefold())
    spaced = _UNSPACED.sub(r" \1 ", folded)
    return " ".join(token for chunk in _CHUNK.findall(spaced) for token in _tokens(chunk))


def _tokens(chunk: str) -> list[str]:
    chunk = chunk.removeprefix("+")
    if len(chunk) <= _LONGEST_NUMBER and _NUMBER.fullmatch(chunk):
        digits = chunk.replace(",", "")
        return [number_token(float(digits) if "." in digits else int(digits))]
    if "," in chunk:
        return [token for piece in chunk.split(",") for token in _tokens(piece)]
    return [chunk]
