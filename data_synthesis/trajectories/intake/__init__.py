"""Tool documents of any source, taken in: one record a server, all its tools callable, a reason for each drop."""

from data_synthesis.trajectories.intake.formats import KINDS, Kind, raw_servers
from data_synthesis.trajectories.intake.raw import RawServer, Unusable
from data_synthesis.trajectories.intake.read import read_servers
from data_synthesis.trajectories.intake.report import Drop, IntakeReport
from data_synthesis.trajectories.intake.settings import IntakeSettings
from data_synthesis.trajectories.intake.take_in import take_in

__all__ = [
    "KINDS",
    "Drop",
    "IntakeReport",
    "IntakeSettings",
    "Kind",
    "RawServer",
    "Unusable",
    "raw_servers",
    "read_servers",
    "take_in",
]
