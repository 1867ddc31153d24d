"""The whole pipeline without a model: rehearsed agents and teachers."""

from data_synthesis.trajectories.rehearsal.agent import RehearsedAgent
from data_synthesis.trajectories.rehearsal.script import BadRehearsal, Rehearsals
from data_synthesis.trajectories.rehearsal.teacher import RehearsedTeacher

__all__ = ["BadRehearsal", "Rehearsals", "RehearsedAgent", "RehearsedTeacher"]
