"""The procedural teacher: seeded generators of arenas that are graded, provable and unlimited. No model is asked."""

from data_synthesis.teacher.procedural.arena import make_arena, make_arenas
from data_synthesis.teacher.procedural.domains import DOMAINS
from data_synthesis.teacher.procedural.options import Options

__all__ = ["DOMAINS", "Options", "make_arena", "make_arenas"]
