"""Whether a tool's description says what the tool does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from data_synthesis.pipeline import Rejected
from data_synthesis.records import ServerTool

# A run of letters without a change of case inside, so that `getUserByID` is four words; or Han, kana and Hangul.
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
# Words that tell nothing of what a tool does.
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """a an and api are at available be by can description does endpoint for from function given in information is
        it its mcp method my n na no none not of on or provided server specified tbd test that the this to todo tool
        used uses using via will with you your""",
    )
)


def check_description(tool: ServerTool, min_words: int) -> None:
    """
    Raises:
        Rejected: `no_description`; `vague_description`: fewer than `min_words` words, or no word that is neither in the
            name nor empty of meaning, such as `the` or `tool`.
    """
    if not tool.description:
        raise Rejected("no_description", "has no description")
    said = list(words(tool.description))
    if len(said) < min_words:
        raise Rejected("vague_description", f"is described in {len(said)} words: {tool.description!r}")
    named = _stems(words(tool.called)) | {"".join(words(tool.called))}
    if not _stems(said) - named - _EMPTY:
        shown = tool.description[:100]
        raise Rejected("vague_description", f"says no more than its name: {shown!r}")


def words(text: str) -> Iterator[str]:
    """The words, in lower case. Where writing has no spaces, as in Chinese, two characters are a word."""
    for run in _WORD.findall(_CASE.sub(" ", text)):
        for piece in _DENSE.split(run):
            if piece:
                yield piece.lower()
        for dense in _DENSE.findall(run):
            yield from (dense[at : at + 2] for at in range(0, len(dense), 2))


def _stems(found: Iterator[str] | list[str]) -> frozenset[str]:
    """`Gets users` says no more than `get_user`."""
    return frozenset(word if word in _EMPTY else word.rstrip("s") for word in found)
