"""The servers of a run by id, which chains, tasks and runs refer to instead of carrying them along."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from data_synthesis.pipeline import Rejected
from data_synthesis.records import ToolServer, read_records


class ServerTable:
    """The servers of a file, read when the first one is asked for."""

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def __getitem__(self, server_id: str) -> ToolServer:
        """
        Raises:
            Rejected: `unknown_server`: the file does not hold it.
        """
        if server_id not in self._by_id:
            raise Rejected("unknown_server", f"{self.path} has no server {server_id!r}")
        return self._by_id[server_id]

    @cached_property
    def _by_id(self) -> dict[str, ToolServer]:
        return {server.id: server for server in read_records(self.path, ToolServer)}
