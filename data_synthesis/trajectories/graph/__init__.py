"""Which tools of a server follow each other: proposals, evidence, walks, and which walks are kept."""

from data_synthesis.trajectories.graph.chains import sample_chains
from data_synthesis.trajectories.graph.draw import page
from data_synthesis.trajectories.graph.propose import propose
from data_synthesis.trajectories.graph.settings import GraphSettings, VerifySettings, WalkSettings
from data_synthesis.trajectories.graph.verify import verify_chain

__all__ = [
    "GraphSettings",
    "VerifySettings",
    "WalkSettings",
    "page",
    "propose",
    "sample_chains",
    "verify_chain",
]
