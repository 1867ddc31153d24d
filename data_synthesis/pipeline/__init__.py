"""Runs stages over records: concurrent, with deadlines and retries, resumable, counted."""

from data_synthesis.pipeline.journal import Journal, Outcome, PipelineError
from data_synthesis.pipeline.runner import run_stage, run_stages
from data_synthesis.pipeline.settling import Failure, Policy
from data_synthesis.pipeline.stage import Rejected, Stage
from data_synthesis.pipeline.summary import Funnel, StageSummary

__all__ = [
    "Failure",
    "Funnel",
    "Journal",
    "Outcome",
    "PipelineError",
    "Policy",
    "Rejected",
    "Stage",
    "StageSummary",
    "run_stage",
    "run_stages",
]
