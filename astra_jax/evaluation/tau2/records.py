"""A try at a task of tau2-bench, and the simulation that came of it with the official reward."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import JsonValue

from data_synthesis.records import Part, Record, ToolSpec, Trajectory

# The package's names for why a simulation ended.
Ended = Literal["user_stop", "agent_error", "max_steps", "too_many_errors"]


class Tau2Item(Record):
    """One of several tries at a task."""

    domain: str
    task: str
    trial: int


class Role(Part):
    """What the agent or the user is told, and what it can call."""

    system: str
    tools: list[ToolSpec]

    @classmethod
    def of(cls, told: dict[str, Any]) -> Role:
        return cls(system=told["system"], tools=[ToolSpec(**tool) for tool in told["tools"]])


class Tau2Run(Trajectory):
    """A simulation, as a trajectory of what the agent saw, which the report shows.

    Args:
        simulation: all messages of agent, user and environment, as the package spells them.
        parts: the official reward's, by basis.
    """

    task: str
    trial: int
    ended: Ended
    reward: float
    parts: dict[str, float]
    simulation: list[dict[str, JsonValue]]
    seed: int = 0
