"""Which language a text is in, as far as a rule can tell: by its script, so Chinese from English, and no further."""

from __future__ import annotations

import re
from itertools import pairwise

_RANGES = r"\u3400-\u9fff\uf900-\ufaff"
_HAN, _HAN_RUN = re.compile(f"[{_RANGES}]"), re.compile(f"[{_RANGES}]+")
_OTHER_WORD = re.compile(rf"[^\W\d_{_RANGES}][^\s{_RANGES}]*")  # an address is one

# Upstream's shares: more than 0.6 Chinese, more than 0.7 others. It counts characters; here a word of another script
# counts as one, or a file name in a Chinese sentence would weigh as much as the sentence.
_CHINESE, _OTHER = 0.6, 0.7

# In English one word of three is one of these; in other languages of its script hardly any is.
_ENGLISH = re.compile(
    r"\b(the|and|of|to|is|are|was|were|be|been|for|with|from|that|this|it|its|you|your|we|they|have|has|had|not|but|by|at)\b",
    re.IGNORECASE,
)
_ENGLISH_SHARE, _FEW_WORDS = 0.08, 8


def script(text: str) -> str:
    """`zh`, `other` or `mixed`; `none` for a text without letters."""
    characters, words = len(_HAN.findall(text)), len(_OTHER_WORD.findall(text))
    if not characters + words:
        return "none"
    han = characters / (characters + words)
    if han > _CHINESE:
        return "zh"
    return "other" if 1 - han > _OTHER else "mixed"


def known(text: str) -> bool:
    """Whether it can be Chinese or English: not a longer text in another script or without English words."""
    words = len(_OTHER_WORD.findall(text))
    if script(text) in ("zh", "mixed") or words < _FEW_WORDS:
        return True
    return len(_ENGLISH.findall(text)) >= _ENGLISH_SHARE * words


def own_words(text: str, quoted: str) -> str:
    """`text` without the words, and the pairs of Chinese characters, that stand in `quoted`."""
    words = {word.casefold() for word in _OTHER_WORD.findall(quoted)}
    text = _OTHER_WORD.sub(lambda word: "" if word[0].casefold() in words else word[0], text)
    pairs = {pair for run in _HAN_RUN.findall(quoted) for pair in map("".join, pairwise(run))}
    return _HAN_RUN.sub(lambda run: _unquoted(run[0], pairs), text)


def _unquoted(run: str, pairs: set[str]) -> str:
    known = {
        place for i, pair in enumerate(map("".join, pairwise(run))) if pair in pairs for place in (i, i + 1)
    }
    return "".join(character for i, character in enumerate(run) if i not in known)


def same_language(left: str, right: str) -> bool:
    """False only where the scripts are known and differ: a mixed text, or one without letters, goes with any."""
    scripts = {script(left), script(right)}
    return not {"zh", "other"} <= scripts
