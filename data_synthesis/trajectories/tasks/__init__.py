"""Chains to user requests: written, varied, scored."""

from data_synthesis.trajectories.tasks.augment import MODES, vary
from data_synthesis.trajectories.tasks.distinct import distinct
from data_synthesis.trajectories.tasks.personas import Persona, read_personas, sampled_persona
from data_synthesis.trajectories.tasks.plan import PlanSettings, open_chains, planned, samples_of
from data_synthesis.trajectories.tasks.score import DIMENSIONS, ScoreSettings, score_task
from data_synthesis.trajectories.tasks.write import write_task

__all__ = [
    "DIMENSIONS",
    "MODES",
    "Persona",
    "PlanSettings",
    "ScoreSettings",
    "distinct",
    "open_chains",
    "planned",
    "read_personas",
    "sampled_persona",
    "samples_of",
    "score_task",
    "vary",
    "write_task",
]
