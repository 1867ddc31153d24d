"""The tools of one arena: those it needs, those of its domain that it does not, and strangers."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Literal

from data_synthesis.arenas.distractors import PoolTool
from data_synthesis.records import ArenaTool
from data_synthesis.teacher.procedural.design import Design, Designer
from data_synthesis.teacher.procedural.documents import write_document
from data_synthesis.teacher.procedural.domain import Domain, Lookup
from data_synthesis.teacher.procedural.domains import DOMAINS
from data_synthesis.teacher.procedural.options import Options
from data_synthesis.teacher.procedural.source import write_source
from data_synthesis.teacher.procedural.world import World, make_world


class Toolbox:
    """Designs each tool once; writes them when they are asked for."""

    def __init__(self, domain: Domain, world: World, options: Options, rng: Random):
        self.domain, self.world, self.options, self.rng = domain, world, options, rng
        self.designer = Designer(rng, options.brief)
        self.designs: dict[str, Design] = {}

    def design(self, lookup: Lookup) -> Design:
        if lookup.stem not in self.designs:
            self.designs[lookup.stem] = self.designer.design(lookup)
        return self.designs[lookup.stem]

    def tools(self) -> list[ArenaTool]:
        return [self._tool(design) for design in self.designs.values()]

    def siblings(self) -> list[ArenaTool]:
        """Tools of the domain that are not needed; those like a needed one come first."""
        needed = [design.lookup for design in self.designs.values()]
        others = [one for one in self.domain.lookups if one not in needed]
        self.rng.shuffle(others)
        others.sort(key=lambda one: not any(_alike(one, other) for other in needed))
        count = self.rng.randint(*self.options.siblings)
        return [self._tool(self.designer.design(lookup)) for lookup in others[:count]]

    def _tool(self, design: Design) -> ArenaTool:
        brief, rows = self.options.brief, self.world[design.lookup.table.name]
        spec = write_document(design, self.rng, brief)
        return ArenaTool(spec=spec, source=write_source(design, rows, self.rng, brief))


def _alike(one: Lookup, other: Lookup) -> bool:
    return one.table is other.table or one.asked.name == other.asked.name


@cache
def strangers(domain: str, docs: Literal["full", "brief"], verb: str) -> tuple[PoolTool, ...]:
    """The tools of a domain with data of their own, to distract in arenas of other domains.

    Brief ones are named with the arena's own verb, so that names do not give strangers away.
    """
    rng = Random(f"strangers:{domain}:{docs}:{verb}")
    options = Options(docs=docs)
    toolbox = Toolbox(DOMAINS[domain], make_world(DOMAINS[domain], rng, options.rows), options, rng)
    toolbox.designer.verb = verb
    for lookup in DOMAINS[domain].lookups:
        toolbox.design(lookup)
    return tuple(PoolTool(domain, tool) for tool in toolbox.tools())
