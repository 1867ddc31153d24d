"""One self-contained HTML file for a run or a data set: no server, no network, nothing to install."""

from astra_jax.evaluation.report.view import NothingToReport
from astra_jax.evaluation.report.write import write_report

__all__ = ["NothingToReport", "write_report"]
