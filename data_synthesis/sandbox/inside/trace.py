"""Notes which lines of the tools' sources are executed.

This file imports nothing of the project: the remote sandbox sends its text along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import CodeType, FrameType
from typing import Any


class LineTrace:
    """For `sys.settrace`. A function whose lines have all been seen is not slowed down any more; until then a line
    takes several times as long as without.

    Args:
        files: the file names under which the sources are compiled; code of other files is not looked at.
    """

    def __init__(self, files: Collection[str]):
        self._files = files
        self._unseen: dict[
            int, tuple[CodeType, set[int]]
        ] = {}  # by identity, as equal code may have two files

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_filename not in self._files:
            return None
        if id(code) not in self._unseen:
            self._unseen[id(code)] = code, _lines(code)
        unseen = self._unseen[id(code)][1]
        unseen.discard(frame.f_lineno)
        return self._at_line if unseen else None

    def executed(self) -> dict[str, list[int]]:
        """The lines of each file that were executed, in order."""
        found: dict[str, set[int]] = {file: set() for file in self._files}
        for code, unseen in self._unseen.values():
            found[code.co_filename] |= _lines(code) - unseen
        return {file: sorted(lines) for file, lines in found.items()}

    def _at_line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if event == "line":
            unseen = self._unseen[id(frame.f_code)][1]
            unseen.discard(frame.f_lineno)
            frame.f_trace_lines = bool(unseen)
        return self._at_line


def _lines(code: CodeType) -> set[int]:
    return {line for *_, line in code.co_lines() if line}
