"""Which language a text is in, as far as a rule can tell: by its script, so Chinese from English, and no further."""

from __future__ import annotations

import re

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")

# Of a text's letters. Upstream's shares: more than 0.6 Chinese characters, more than 0.7 others.
_CHINESE, _OTHER = 0.6, 0.7


def script(text: str) -> str:
    """`zh`, `other` or `mixed`; `none` for a text without letters."""
    letters = len(_LETTER.findall(text))
    if not letters:
        return "none"
    han = len(_HAN.findall(text)) / letters
    if han > _CHINESE:
        return "zh"
    return "other" if 1 - han > _OTHER else "mixed"


def same_language(left: str, right: str) -> bool:
    """False only where the scripts are known and differ: a mixed text, or one without letters, goes with any."""
    scripts = {script(left), script(right)}
    return not {"zh", "other"} <= scripts
