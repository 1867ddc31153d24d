"""How much an expected answer says: `true` or 3 is in many an output by chance."""

from __future__ import annotations

from math import prod

from pydantic import JsonValue

from data_synthesis.arenas.scoring import leaves, scalar_text

# Words that say one of two things, or nothing, as `scalar_text` writes them.
_SMALL_WORDS = frozenset(
    {"yes", "no", "ok", "okay", "true", "false", "on", "off", "none", "null", "unknown", "n a"}
)
_IDEOGRAPHS = "\u2e80"  # from here on, a character says about as much as half a word


def guesses(expected: JsonValue) -> int:
    """How many answers have the length and the characters of `expected`.

    Ten for a digit, 26 for a letter, 36 for either where both occur, a thousand for a character of the scripts that
    write words in one or two; two for a boolean and for a word that says no more. Of a list or an object the product
    over its distinct scalars, as one place of an output contains all equal ones.
    """
    return prod(map(_guesses_of_one, set(map(scalar_text, leaves(expected)))))


def _guesses_of_one(text: str) -> int:
    if text in _SMALL_WORDS:
        return 2
    letters, digits = (sum(map(test, text)) for test in (str.isalpha, str.isdecimal))
    ideographs = sum(character >= _IDEOGRAPHS for character in text if character.isalpha())
    letters -= ideographs
    return 1000**ideographs * (36 ** (letters + digits) if letters and digits else 26**letters * 10**digits)
