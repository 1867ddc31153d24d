"""The folder that a server works in during one run: a copy of how it begins, gone afterwards."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from pydantic import JsonValue

# In a command, and in the values of an environment.
PLACEHOLDER = "{folder}"
# Stands for the folder's path in all that an agent reads and writes: no row must hold a path that was there once.
SHOWN = "/workspace"
_SHOWN = re.compile(rf"(?<![\w/.-]){SHOWN}(?![\w-])")


class WorkingFolder:
    """A fresh folder with the contents of `seed`.

    Raises:
        OSError: the seed cannot be read, or there is no room.
    """

    def __init__(self, seed: str = ""):
        self.path = Path(tempfile.mkdtemp(prefix="astra-mcp-")).resolve()
        self._seed = seed
        try:
            self._fill()
        except OSError:
            self.remove()
            raise

    def filled_in(self, text: str) -> str:
        """`text` with the folder's path in place of each placeholder; nothing else in it means anything."""
        return text.replace(PLACEHOLDER, str(self.path))

    def shown(self, text: str) -> str:
        """`text` of a server as an agent may see it."""
        return text.replace(str(self.path), SHOWN)

    def meant(self, value: JsonValue) -> JsonValue:
        """`value` of an agent as the server must get it."""
        if isinstance(value, str):
            return _SHOWN.sub(lambda _: str(self.path), value)
        if isinstance(value, list):
            return [self.meant(item) for item in value]
        if isinstance(value, dict):
            return {key: self.meant(item) for key, item in value.items()}
        return value

    def reset(self) -> None:
        """As it began, while a server stands in it.

        Raises:
            OSError: something cannot be removed or written.
        """
        for child in self.path.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()
        self._fill()

    def remove(self) -> None:
        """Safe to call twice. What cannot be removed stays."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _fill(self) -> None:
        if self._seed:
            shutil.copytree(self._seed, self.path, symlinks=True, dirs_exist_ok=True)
