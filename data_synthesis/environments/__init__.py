"""Questions to arenas: decompose, necessity, verify, synthesise, merge; then the proof."""

from data_synthesis.environments.build import STEPS, Settings, synthesise_arenas
from data_synthesis.environments.generate import NotProved, Recipe, generate_arenas
from data_synthesis.environments.synthesise import Budget

__all__ = ["STEPS", "Budget", "NotProved", "Recipe", "Settings", "generate_arenas", "synthesise_arenas"]
