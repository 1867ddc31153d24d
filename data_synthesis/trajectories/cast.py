"""Who plays which role in a run: each may be another model on another server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.runs.interface import Agent

ROLES = ("proposer", "writer", "agent", "emulator", "judge")


@dataclass(frozen=True)
class Cast:
    """
    Args:
        proposer: proposes chains, votes on them and translates them back.
        writer: writes requests, varies and scores them.
        agent: does the work.
        emulator: is the tools that cannot be run.
        judge: scores the runs.
    """

    proposer: Teacher
    writer: Teacher
    agent: Agent
    emulator: Teacher
    judge: Teacher

    def names(self) -> dict[str, str]:
        return {role: getattr(self, role).name for role in ROLES}

    async def close(self) -> None:
        """Lets everybody's connections go; one may play several roles."""
        players = {id(player): player for player in (getattr(self, role) for role in ROLES)}
        await asyncio.gather(*(player.close() for player in players.values()))
