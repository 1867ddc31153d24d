"""The procedural teacher: seeded generators of arenas that are graded, provable and unlimited. No model is asked."""

from data_synthesis.teacher.procedural.arena import ImpossibleOptions, make_arena, make_arenas
from data_synthesis.teacher.procedural.domains import DOMAINS, HELD_OUT, TRAINING
from data_synthesis.teacher.procedural.invented import invented_nouns
from data_synthesis.teacher.procedural.options import Options
from data_synthesis.teacher.procedural.teacher import ProceduralTeacher

__all__ = [
    "DOMAINS",
    "HELD_OUT",
    "TRAINING",
    "ImpossibleOptions",
    "Options",
    "ProceduralTeacher",
    "invented_nouns",
    "make_arena",
    "make_arenas",
]
