"""The data of one arena: rows for each table of its domain, all names its own."""

from __future__ import annotations

from itertools import cycle
from random import Random
from typing import Any

from data_synthesis.teacher.procedural.domain import Column, Domain, Table

Row = dict[str, Any]
World = dict[str, list[Row]]

NEIGHBOURS = 0.35  # share of keys that are easily confused with an earlier one


def make_world(domain: Domain, rng: Random, rows: tuple[int, int]) -> World:
    """One number of rows for all tables, so that links can be one to one and answers unambiguous."""
    count = rng.randint(*rows)
    used: set[str] = set()
    world: World = {}
    for table in domain.tables.values():
        if table.key is not None:
            world[table.name] = [{table.name: k} for k in _keys(table.key, count, rng, used)]
    for table in domain.tables.values():
        if table.key is None:
            world[table.name] = _combinations(table, world, count, rng)
    for table in domain.tables.values():
        for column in table.columns:
            _fill(column, world[table.name], world, rng, used)
    return world


def _keys(column: Column, count: int, rng: Random, used: set[str]) -> list[str]:
    keys: list[str] = []
    while len(keys) < count:
        if keys and column.kind.near and rng.random() < NEIGHBOURS:
            key = column.kind.near(rng, rng.choice(keys))
        else:
            key = str(column.kind.make(rng))
        if key not in used:
            used.add(key)
            keys.append(key)
    rng.shuffle(keys)
    return keys


def _combinations(table: Table, world: World, count: int, rng: Random) -> list[Row]:
    """Rows of a table with several keys: few values of each, so that rows share some of them and not all."""
    pools = [_pool(column, world, count, rng) for column in table.keys]
    rows: dict[tuple, Row] = {}
    while len(rows) < count:
        values = tuple(rng.choice(pool) for pool in pools)
        if len(set(values)) == len(values):
            rows.setdefault(values, {c.name: v for c, v in zip(table.keys, values, strict=True)})
    return list(rows.values())


def _pool(column: Column, world: World, count: int, rng: Random) -> list[Any]:
    if column.entity is not None:
        keys = [row[column.entity] for row in world[column.entity]]
        return rng.sample(keys, min(len(keys), max(4, count // 2)))
    if column.kind.choices:
        return list(column.kind.choices)
    pool: list[Any] = []
    while len(pool) < 4:
        value = column.kind.make(rng)
        pool += [value] if value not in pool else []
    return pool


def _fill(column: Column, rows: list[Row], world: World, rng: Random, used: set[str]) -> None:
    if column.entity is None:
        for row in rows:
            row[column.name] = _fresh(column, rng, used)
        return
    order = list(rows)
    rng.shuffle(order)
    if (
        column.entity in rows[0]
    ):  # a link to its own table is one cycle: nobody is their own manager's manager
        targets = [row[column.entity] for row in order[1:] + order[:1]]
    else:
        targets = [row[column.entity] for row in world[column.entity]]
        _shuffle_apart(targets, order, rng)
    for row, target in zip(order, cycle(targets), strict=False):
        row[column.name] = target


def _shuffle_apart(targets: list[Any], rows: list[Row], rng: Random) -> None:
    """Shuffles until no row has a target twice: a flight does not end where it started."""
    for _ in range(100):
        rng.shuffle(targets)
        if not any(target in row.values() for row, target in zip(rows, cycle(targets), strict=False)):
            return


def _fresh(column: Column, rng: Random, used: set[str]) -> Any:
    """A value that no other row has, where the kind has enough of them; numbers and enums may repeat."""
    value = column.kind.make(rng)
    if column.kind.choices or not isinstance(value, str):
        return value
    for _ in range(20):
        if value not in used:
            break
        value = str(column.kind.make(rng))
    used.add(value)
    return value
