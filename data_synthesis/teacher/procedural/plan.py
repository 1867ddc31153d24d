"""The gold calls of an arena before they are worded: steps, each a lookup on a row, joined into a DAG."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from data_synthesis.records import Scenario
from data_synthesis.teacher.procedural import formulas
from data_synthesis.teacher.procedural.domain import Column, Domain, Lookup
from data_synthesis.teacher.procedural.world import Row, World

UNIT_SHARE = 0.35  # of elaborate questions about a measured value that ask for another unit


class Unsuitable(Exception):
    """This draw does not make a good arena; draw again."""


@dataclass(eq=False)
class Step:
    """A lookup on `row`. `inputs` says which arguments are results of other steps; the user gives the rest."""

    lookup: Lookup
    row: Row
    inputs: dict[str, Step] = field(default_factory=dict)
    extras: Row = field(default_factory=dict)
    unit: str | None = None

    @property
    def value(self) -> Any:
        return compute(self.lookup, self.row, self.extras, self.unit)

    def key(self) -> tuple:
        """Equal for two steps that are the same call."""
        given = tuple(self.row[c.name] for c in self.lookup.given)
        return (self.lookup.stem, given, tuple(self.extras.items()), self.unit)


def compute(lookup: Lookup, row: Row, extras: Row, unit: str | None = None) -> Any:
    """What a tool for `lookup` returns as its result."""
    used = [row[name] for name in lookup.uses]
    value = lookup.formula(*used, *extras.values()) if lookup.formula else used[0]
    if unit is None or lookup.asked.kind.measure is None:
        return value
    units = formulas.MEASURES[lookup.asked.kind.measure][1]
    return formulas.convert(value, unit, units)


def in_order(goals: list[Step]) -> list[Step]:
    """All steps that the goals need, each once, parents first."""
    ordered: list[Step] = []

    def visit(step: Step) -> None:
        for parent in step.inputs.values():
            visit(parent)
        if step not in ordered:
            ordered.append(step)

    for goal in goals:
        visit(goal)
    return ordered


class Planner:
    """Draws goals (the steps whose results the user wants) for each scenario."""

    def __init__(self, domain: Domain, world: World, rng: Random, units: bool):
        self.domain, self.world, self.rng, self.units = domain, world, rng, units

    def draw(self, scenario: Scenario, count: int) -> list[Step]:
        """Goals with `count` steps in all.

        Raises:
            Unsuitable: this draw failed; another may not.
        """
        goals = getattr(self, f"_{scenario}")(count)
        steps = in_order(goals)
        if len(steps) != count or len({step.key() for step in steps}) != count:
            raise Unsuitable("steps repeat")
        if not all(self._is_sound(step) for step in steps):
            raise Unsuitable("a result is ambiguous")
        if self.units:
            self._choose_units(goals)
        return goals

    def _single_hop(self, _count: int) -> list[Step]:
        return [self._first(self.rng.choice(self.domain.lookups))]

    def _parallel_single_hop(self, count: int) -> list[Step]:
        lookup = self.rng.choice(self.domain.lookups)
        style = self.rng.random()
        if style < 0.35 and count <= 3:
            return [self._first(lookup) for _ in range(count)]
        same_table = [other for other in self.domain.lookups if other.given == lookup.given]
        if style < 0.7 and count <= len(same_table):
            row = self.rng.choice(self.world[lookup.table.name])
            return [self._step(other, row) for other in self.rng.sample(same_table, count)]
        return [self._first(self.rng.choice(self.domain.lookups)) for _ in range(count)]

    def _multi_hop(self, count: int) -> list[Step]:
        return [self._chain(count)]

    def _parallel_multi_hop(self, count: int) -> list[Step]:
        style = self.rng.random()
        if style < 0.4:
            return self._fan_out(count)
        if style < 0.6:
            return self._fan_in(count)
        longer = self.rng.randint(max(2, (count + 1) // 2), count - 1)
        if count == 4 and style < 0.8:  # the same question about two things
            path = self._path(2)
            return [self._walk(path), self._walk(path)]
        return [self._chain(longer), *self._rest(count - longer)]

    def _rest(self, count: int) -> list[Step]:
        """Goals beside the main one, with `count` steps in all."""
        if count >= 2 and self.rng.random() < 0.6:
            return [self._chain(count)]
        return self._parallel_single_hop(count) if count else []

    def _fan_out(self, count: int) -> list[Step]:
        """Several things about one thing that must be found first."""
        hops = self.rng.randint(1, count - 2)
        base = self._chain(hops, ends_in_entity=True)
        takers = [one for one in self.domain.lookups if one.accepts(base.lookup.asked.entity) and one.by_key]
        takers = [one for one in takers if one is not base.lookup and len(one.given) == 1]
        if len(takers) < count - hops:
            raise Unsuitable("not enough to ask")
        return [self._follow(base, taker) for taker in self.rng.sample(takers, count - hops)]

    def _fan_in(self, count: int) -> list[Step]:
        """Something that needs two results at once."""
        joins = [one for one in self.domain.lookups if sum(c.entity is not None for c in one.given) >= 2]
        if not joins:
            raise Unsuitable("nothing needs two results")
        join = self._first(self.rng.choice(joins))
        for column in join.lookup.given:
            if column.entity is not None and len(join.inputs) < 2:
                join.inputs[column.name] = self._source(column, join)
        return [join, *self._rest(count - 3)]

    def _source(self, column: Column, join: Step) -> Step:
        """A link, from another table, that yields the argument `column` of `join`."""
        links = [one for one in self.domain.lookups if one.asked.entity == column.entity]
        links = [one for one in links if one.table is not join.lookup.table]
        if not links:
            raise Unsuitable("no link to it")
        lookup = self.rng.choice(links)
        rows = [row for row in self.world[lookup.table.name] if row[lookup.uses[0]] == join.row[column.name]]
        return self._step(lookup, self._one(rows))

    def _chain(self, length: int, ends_in_entity: bool = False) -> Step:
        return self._walk(self._path(length, ends_in_entity))

    def _path(self, length: int, ends_in_entity: bool = False) -> tuple[Lookup, ...]:
        paths = self.domain.paths(length)
        if ends_in_entity:
            paths = [path for path in paths if path[-1].asked.entity]
        return self._one(paths)

    def _walk(self, path: tuple[Lookup, ...]) -> Step:
        step = self._first(path[0])
        for lookup in path[1:]:
            step = self._follow(step, lookup)
        return step

    def _follow(self, step: Step, lookup: Lookup) -> Step:
        column = lookup.accepts(step.lookup.asked.entity)
        assert column is not None
        rows = [row for row in self.world[lookup.table.name] if row[column.name] == step.value]
        following = self._step(lookup, self._one(rows))
        following.inputs[column.name] = step
        return following

    def _first(self, lookup: Lookup) -> Step:
        return self._step(lookup, self.rng.choice(self.world[lookup.table.name]))

    def _step(self, lookup: Lookup, row: Row) -> Step:
        return Step(lookup, row, extras={c.name: c.kind.make(self.rng) for c in lookup.extra})

    def _one(self, options: list) -> Any:
        if not options:
            raise Unsuitable("nothing to choose from")
        return self.rng.choice(options)

    def _is_sound(self, step: Step) -> bool:
        """One row fits the arguments, and no other row has the same result."""
        rows = self.world[step.lookup.table.name]
        given = [[row[c.name] for c in step.lookup.given] for row in rows]
        results = [compute(step.lookup, row, step.extras) for row in rows]
        i = rows.index(step.row)
        return given.count(given[i]) == 1 and results.count(results[i]) == 1

    def _choose_units(self, goals: list[Step]) -> None:
        for goal in goals:
            measure = goal.lookup.asked.kind.measure
            if measure and self.rng.random() < UNIT_SHARE:
                goal.unit = self.rng.choice(list(formulas.MEASURES[measure][1])[1:])
