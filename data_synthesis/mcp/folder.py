"""The folder that a server works in during one run: a copy of how it begins, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

# In a command, and in the values of an environment.
PLACEHOLDER = "{folder}"


class WorkingFolder:
    """A fresh folder with the contents of `seed`.

    Raises:
        OSError: the seed cannot be read, or there is no room.
    """

    def __init__(self, seed: str = ""):
        self.path = Path(tempfile.mkdtemp(prefix="astra-mcp-"))
        if seed:
            try:
                shutil.copytree(seed, self.path, symlinks=True, dirs_exist_ok=True)
            except OSError:
                self.remove()
                raise

    def filled_in(self, text: str) -> str:
        """`text` with the folder's path in place of each placeholder; nothing else in it means anything."""
        return text.replace(PLACEHOLDER, str(self.path))

    def remove(self) -> None:
        """Safe to call twice. What cannot be removed stays."""
        shutil.rmtree(self.path, ignore_errors=True)
