"""The folder that a server works in during one run: a copy of how it begins, gone afterwards."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from data_synthesis.mcp.processes import ServerProcesses

# In a command, and in the values of an environment.
PLACEHOLDER = "{folder}"
# Stands for the folder's path in all that an agent reads and writes: no row must hold a path that was there once.
SHOWN = "/workspace"
_SHOWN = re.compile(rf"(?:(?<=file://)|(?<![\w/.-])){SHOWN}(?![\w-])")
_PREFIX = "astra-mcp-"  # with the number of the process that made it
_NAME = re.compile(rf"{_PREFIX}(\d{{1,9}})-")


class WorkingFolder:
    """A fresh folder, empty until it is filled with the contents of `seed`. Safe to use from several threads.

    Args:
        aliased: whether its path is shown as `/workspace`; a server elsewhere may have a real folder of that name.

    Raises:
        OSError: there is no room.
    """

    def __init__(self, seed: str = "", *, aliased: bool = True):
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
        self._seed, self._aliased = seed, aliased
        self._removed = False
        self._lock = threading.Lock()  # what is being filled cannot be removed for good

    def fill(self) -> None:
        """Blocks.

        Raises:
            OSError: the seed cannot be read, or there is no room.
        """
        with self._lock:
            self._fill()

    def filled_in(self, text: str) -> str:
        """`text` with the folder's path in place of each placeholder; nothing else in it means anything."""
        return text.replace(PLACEHOLDER, str(self.path))

    def shown(self, text: str) -> str:
        """`text` of a server as an agent may see it."""
        return shown(text, self.path) if self._aliased else text

    def shown_in(self, document: JsonValue) -> JsonValue:
        """The same for all strings of a document."""
        return _mapped(document, self.shown)

    def meant(self, value: JsonValue) -> JsonValue:
        """`value` of an agent as the server must get it."""
        return _mapped(value, self._meant)

    def reset(self) -> None:
        """As it began, while a server stands in it. Blocks.

        Raises:
            OSError: something cannot be removed or written.
        """
        with self._lock:
            for child in self.path.iterdir():
                if child.is_dir() and not child.is_symlink():
                    shutil.rmtree(child)
                else:
                    child.unlink()
            self._fill()

    def remove(self) -> None:
        """Blocks. Safe to call twice. What cannot be removed stays."""
        self._removed = True
        with self._lock:
            shutil.rmtree(self.path, ignore_errors=True)

    def _meant(self, text: str) -> str:
        return _SHOWN.sub(lambda _: str(self.path), text) if self._aliased else text

    def _fill(self) -> None:
        if self._removed:
            raise OSError("the folder is gone")
        if self._seed:
            shutil.copytree(
                self._seed, self.path, symlinks=True, dirs_exist_ok=True, copy_function=self._copy
            )

    def _copy(self, source: str, target: str) -> None:
        if self._removed:  # nobody waits for a big folder any more
            raise _NotWanted
        shutil.copy2(source, target)


class _NotWanted(Exception):
    """No OSError: those are collected, and the copy goes on."""


def shown(text: str, folder: Path) -> str:
    """`text` without the path of a working folder, and without its name, which is another one in each run."""
    text = text.replace(str(folder), SHOWN)
    return text.replace(folder.name, SHOWN[1:]) if _NAME.match(folder.name) else text


def sweep() -> None:
    """Removes what processes that were killed left here: folders, and servers that did not end. Blocks."""
    for path in Path(tempfile.gettempdir()).resolve().glob(f"{_PREFIX}*"):
        try:
            found = _NAME.match(path.name)
            if found and path.lstat().st_uid == os.getuid() and not _runs(int(found[1])):
                ServerProcesses(path).end()
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # somebody else sweeps too


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _mapped(value: JsonValue, change: Callable[[str], str]) -> JsonValue:
    """`value` with every string in it changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    return value
