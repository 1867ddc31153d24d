"""What a rule can say of a request: that it gives a tool away, or is in another language."""

from __future__ import annotations

import re
from collections.abc import Iterable

from data_synthesis.trajectories.language import same_language

# Of more than one word: nobody writes it by chance. `check-in` and its like are English.
_NAME_LIKE = re.compile(r"_|[a-z][A-Z]|-(?!(?:in|up|out|off|on|down|over|by|to)$)")


def gives_tools_away(text: str, names: Iterable[str]) -> list[str]:
    """The tool names that stand in `text` as they are. A name of one plain word, such as `search`, is just a word."""
    return [
        name
        for name in names
        if _NAME_LIKE.search(name)
        and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.ASCII | re.IGNORECASE)
    ]


def request_problem(text: str, names: Iterable[str], language: str) -> str:
    """What is wrong with a request, as a sentence for whoever wrote it; empty if nothing is."""
    if named := gives_tools_away(text, names):
        return f"the request names a tool: {named[0]}"
    if not same_language(text, _SAMPLES.get(language, text)):
        return f"the request is not in the language asked for, {language}"
    return ""


_SAMPLES = {"en": "English", "zh": "中文"}
