"""Seven scores of a run, by rule and by teacher, and which runs they make rows."""

from data_synthesis.trajectories.judge.accept import accept, whole
from data_synthesis.trajectories.judge.agreement import Agreement, agreement
from data_synthesis.trajectories.judge.judge import judge
from data_synthesis.trajectories.judge.second import second_opinions
from data_synthesis.trajectories.judge.settings import DIMENSIONS, OVERALL, AcceptSettings, JudgeSettings

__all__ = [
    "DIMENSIONS",
    "OVERALL",
    "AcceptSettings",
    "Agreement",
    "JudgeSettings",
    "accept",
    "agreement",
    "judge",
    "second_opinions",
    "whole",
]
