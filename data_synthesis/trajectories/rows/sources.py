"""Where rows come from, counted for a card: servers and how their tools were executed, and who wrote what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from data_synthesis.interop.licences import UNKNOWN, sources_of
from data_synthesis.records import AgentRun, ToolServer, Trajectory

_REAL = {
    "stdio": "real MCP server",
    "http": "real MCP server",
    "code": "code that was run",
    "emulated": "emulated",
}


@dataclass(frozen=True)
class Source:
    """A server: its title, how its tools were executed, and the licence of its documents."""

    title: str
    executed: str
    licence: str


@dataclass
class Sources:
    """
    Args:
        known: server id -> server. A run of another one is counted as what it says itself.
        licences: title of a server or name of a teacher -> SPDX identifier, where no record says.
    """

    known: Mapping[str, ToolServer] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    servers: Counter[Source] = field(default_factory=Counter)
    teachers: Counter[tuple[str, str]] = field(default_factory=Counter)  # role and name

    def add(self, row: Trajectory) -> None:
        self.servers[self._source(row)] += 1
        if isinstance(row, AgentRun):
            self.teachers["agent", row.provenance.teacher or UNKNOWN] += 1
            if row.judge:
                self.teachers["judge", row.judge] += 1
            self.teachers["writer", row.task.provenance.teacher or UNKNOWN] += 1

    def server_of(self, row: Trajectory) -> ToolServer | None:
        return self.known.get(row.task.server_id) if isinstance(row, AgentRun) else None

    def executed(self) -> Counter[str]:
        """Rows by how their tools were executed."""
        how: Counter[str] = Counter()
        for source, count in self.servers.items():
            how[source.executed] += count
        return how

    def _source(self, row: Trajectory) -> Source:
        if server := self.server_of(row):
            licence = " AND ".join(dict.fromkeys(spdx for _, spdx in sources_of(server)))
            return Source(server.title, _REAL[server.reach.kind], self._licence(server.title, licence))
        said = (row.model_extra or {}).get("server")
        of = said if isinstance(said, dict) else {}
        title = str(of.get("title") or (row.task.server_id if isinstance(row, AgentRun) else "") or UNKNOWN)
        return Source(title, _REAL.get(str(of.get("reach")), UNKNOWN), self._licence(title, UNKNOWN))

    def _licence(self, title: str, said: str) -> str:
        return said if said != UNKNOWN else self.licences.get(title, UNKNOWN)
