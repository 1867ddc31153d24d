"""Runs stages over records: concurrent, here or on a cluster, with deadlines and retries, resumable, counted."""

from data_synthesis.pipeline.execution import Executor, execute_here
from data_synthesis.pipeline.journal import Journal, Outcome, PipelineError
from data_synthesis.pipeline.ray_cluster import RayCluster
from data_synthesis.pipeline.runner import run_stage, run_stages
from data_synthesis.pipeline.settling import Failure, Policy
from data_synthesis.pipeline.stage import Rejected, Stage, Undecided
from data_synthesis.pipeline.summary import Funnel, StageSummary

__all__ = [
    "Executor",
    "Failure",
    "Funnel",
    "Journal",
    "Outcome",
    "PipelineError",
    "Policy",
    "RayCluster",
    "Rejected",
    "Stage",
    "StageSummary",
    "Undecided",
    "execute_here",
    "run_stage",
    "run_stages",
]
