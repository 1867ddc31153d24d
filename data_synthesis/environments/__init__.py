"""Questions to arenas: decompose, necessity, verify, synthesise, merge; then the proof."""

from data_synthesis.environments.build import STEPS, Settings, synthesise_arenas
from data_synthesis.environments.generate import NotProved, Recipe, generate_arenas
from data_synthesis.environments.node import Budget
from data_synthesis.environments.seeds import MODES, SeedPlan, read_seeds

__all__ = [
    "MODES",
    "STEPS",
    "Budget",
    "NotProved",
    "Recipe",
    "SeedPlan",
    "Settings",
    "generate_arenas",
    "read_seeds",
    "synthesise_arenas",
]
