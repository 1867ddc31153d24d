"""What a domain declares: tables, their links, and what can be asked of them. No data: each arena makes its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from keyword import iskeyword
from string import Formatter

from data_synthesis.teacher.procedural.kinds import Kind

# What tool sources call their own variables, and the built-in functions that they call.
RESERVED = {
    "answer",
    "details",
    "entry",
    "fields",
    "found",
    "known",
    "position",
    "row",
    "text",
    "unit",
    "currency",
}
RESERVED |= {
    "add",
    "add_percent",
    "convert",
    "divide",
    "minutes_between",
    "multiply",
    "subtract",
    "take_percent",
}
RESERVED |= {"date_format", "float", "int", "isinstance", "len", "list", "round", "str", "zip"}


MOST_LOOKUPS = 6  # in one arena


@dataclass(frozen=True, eq=False)
class Column:
    """A named value of a row, or a parameter that the user gives.

    Attributes:
        says: how people ask for it: noun phrases (`the gate of {x}`) and whole questions (`Which gate does {x}
            leave from?`), where `{x}` is the row's key. `the LABEL of {x}` is always added.
        entity: the table whose rows this value names; for columns made by `link`, and for keys.
        ref: how a value of it is spoken of, `flight {}` for instance.
        arg: what elaborate tools call it as a parameter.
        vague: how a user speaks of it without saying the value.
    """

    name: str
    kind: Kind
    says: tuple[str, ...] = ()
    entity: str | None = None
    ref: str = "{}"
    arg: str = ""
    vague: str = ""

    @property
    def label(self) -> str:
        return self.name.replace("_", " ")


def attr(name: str, kind: Kind, *says: str, ref: str = "{}", arg: str = "", vague: str = "") -> Column:
    return Column(name, kind, says, ref=ref, arg=arg or name, vague=vague)


def link(name: str, table: str, *says: str, arg: str = "") -> Column:
    """A column whose value is the key of a row of `table`, and is spoken of like it."""
    return Column(name, _UNBOUND, says, entity=table, arg=arg or name)


_UNBOUND = Kind(lambda rng: "")


class Table:
    """Rows of one noun. Most have one key; `key` may be several columns, and `phrase` then says how they are used."""

    def __init__(
        self,
        name: str,
        key: Kind | tuple[Column, ...],
        *columns: Column,
        ref: str = "",
        arg: str = "",
        vague: str = "",
        phrase: str = "the {label} of {x}",
    ):
        self.name = name
        self.noun = name.replace("_", " ")
        if isinstance(key, Kind):
            ref = ref or f"{self.noun} {{}}"
            key = (Column(name, key, (), name, ref, arg or name, vague or f"my {self.noun}"),)
        self.keys, self.columns = key, columns
        self.phrase = phrase.replace("{x}", "{" + key[0].name + "}")

    @property
    def key(self) -> Column | None:
        """The key, if it is one column that names the row."""
        return self.keys[0] if self.keys[0].entity == self.name else None

    def column(self, name: str) -> Column:
        return next(c for c in (*self.keys, *self.columns) if c.name == name)


@dataclass(frozen=True, eq=False)
class Find:
    """A search for the key of `table` by other columns. `says` uses the names of `given` as placeholders.

    `by` sums up what is given, for the name of the tool; one column needs no summary.
    """

    table: str
    given: tuple[str, ...]
    says: tuple[str, ...]
    by: str = ""


@dataclass(frozen=True, eq=False)
class Calc:
    """A value computed from columns of a row (`uses`) and from what the user gives (`extra`), in this order."""

    table: str
    name: str
    formula: Callable
    uses: tuple[str, ...]
    says: tuple[str, ...]
    extra: tuple[Column, ...] = ()
    measure: str | None = None


@dataclass(frozen=True, eq=False)
class Lookup:
    """One thing that can be asked, and so one tool: `given` and `extra` are its arguments, `asked` its result.

    `stem` is the part of a tool's name that tells what it is about; it is unique in a domain.
    """

    table: Table
    given: tuple[Column, ...]
    asked: Column
    stem: str
    phrases: tuple[str, ...]
    questions: tuple[str, ...]
    uses: tuple[str, ...]
    extra: tuple[Column, ...] = ()
    formula: Callable | None = None

    @property
    def by_key(self) -> bool:
        return self.given == self.table.keys

    def accepts(self, entity: str | None) -> Column | None:
        """The argument that takes a value naming a row of the table `entity`."""
        return next((c for c in self.given if entity is not None and c.entity == entity), None)


class Domain:
    """A field of life. See `domains/` for the built-in ones."""

    def __init__(
        self, name: str, *tables: Table, lookups: tuple[Find | Calc, ...] = (), openers: tuple[str, ...] = ()
    ):
        self.name, self.openers = name, openers
        self.tables = {table.name: table for table in tables}
        for table in tables:
            table.keys = tuple(self._bind(c) for c in table.keys)
            table.columns = tuple(self._bind(c) for c in table.columns)
        self._special = lookups

    def _bind(self, column: Column) -> Column:
        if column.kind is not _UNBOUND:
            return column
        target = self.tables[column.entity or ""].key
        if target is None:
            raise ValueError(
                f"domain {self.name}: {column.name} links to {column.entity}, which has no single key"
            )
        return replace(column, kind=target.kind, ref=target.ref, vague=target.vague)

    @cached_property
    def lookups(self) -> tuple[Lookup, ...]:
        """Everything that can be asked: each column by its table's key, then the searches and computed values."""
        found = [_by_key(t, c) for t in self.tables.values() for c in t.columns]
        found += [self._bind_special(s) for s in self._special]
        for lookup in found:
            _check(lookup, self.name, {other.stem for other in found if other is not lookup})
        return tuple(found)

    def _bind_special(self, special: Find | Calc) -> Lookup:
        table = self.tables[special.table]
        phrases, questions = _split(special.says, table)
        if isinstance(special, Calc):
            asked = Column(special.name, Kind(lambda rng: 0, {"type": "number"}, measure=special.measure))
            stem = f"{table.name}_{special.name}"
            extra, formula, uses = special.extra, special.formula, special.uses
            return Lookup(table, table.keys, asked, stem, phrases, questions, uses, extra, formula)
        given = tuple(table.column(name) for name in special.given)
        stem = f"{table.name}_by_{special.by or special.given[0]}"
        return Lookup(table, given, table.keys[0], stem, phrases, questions, (table.keys[0].name,))

    @cached_property
    def longest_chain(self) -> int:
        """Lookups in the longest chain, of those that arenas can use."""
        return max(length for length in range(1, MOST_LOOKUPS + 1) if self.paths(length))

    @cached_property
    def _paths(self) -> dict[int, list[tuple[Lookup, ...]]]:
        return {1: [(lookup,) for lookup in self.lookups]}

    def paths(self, length: int) -> list[tuple[Lookup, ...]]:
        """All chains of `length` lookups in which each result is an argument of the next; no table comes twice."""
        if length not in self._paths:
            self._paths[length] = [p for path in self.paths(length - 1) for p in self._longer(path)]
        return self._paths[length]

    def _longer(self, path: tuple[Lookup, ...]) -> Iterator[tuple[Lookup, ...]]:
        entity = path[-1].asked.entity
        for lookup in self.lookups:
            turns_back = lookup.asked.entity in _entities(path) and not _climbs(lookup, path)
            if lookup.accepts(entity) and not turns_back:
                yield (*path, lookup)


def _check(lookup: Lookup, domain: str, other_stems: set[str]) -> None:
    """Finds the slips that a domain's author makes.

    Raises:
        ValueError: two lookups of one name, a wording with a placeholder that is no argument, no plain noun phrase.
    """
    where = f"domain {domain}: {lookup.stem}"
    if lookup.stem in other_stems:
        raise ValueError(f"{where} is declared twice: rename one of the columns")
    taken = {c.name for c in (lookup.asked, *lookup.given, *lookup.extra)} | {c.arg for c in lookup.given}
    if bad := sorted(name for name in taken if name in RESERVED or iskeyword(name)):
        raise ValueError(f"{where}: {bad[0]!r} has a meaning of its own in tool sources, choose another name")
    known = {column.name for column in (*lookup.given, *lookup.extra)}
    for wording in (*lookup.phrases, *lookup.questions):
        used = {name for _, name, _, _ in Formatter().parse(wording) if name is not None}
        if used != known:
            raise ValueError(
                f"{where}: {wording!r} must mention {sorted(known)} and nothing else, not {sorted(used)}"
            )
    if not plain(lookup, lookup.phrases):
        raise ValueError(
            f"{where}: no noun phrase contains the words {lookup.asked.label!r}; brief arenas need one"
        )


def plain(lookup: Lookup, wordings: tuple[str, ...]) -> tuple[str, ...]:
    """Those that name what is asked by the words of the tool's name and, if any do, say what sort of thing it is."""
    words = lookup.asked.label.split()
    found = tuple(w for w in wordings if all(word in w for word in words))
    noun = (lookup.asked.entity or "").replace("_", " ")
    return tuple(w for w in found if noun in w) or found


def _entities(path: tuple[Lookup, ...]) -> set[str]:
    """What the path has been to, or was told by the user: going back there would find what is known."""
    seen = {lookup.asked.entity for lookup in path} | {c.entity for lookup in path for c in lookup.given}
    return {entity for entity in seen | {path[0].table.name} if entity}


def _climbs(lookup: Lookup, path: tuple[Lookup, ...]) -> bool:
    """The manager of a manager: a link from a table to itself may follow itself once."""
    return lookup is path[-1] and lookup not in path[:-1] and lookup.asked.entity == lookup.table.name


def _by_key(table: Table, column: Column) -> Lookup:
    phrase = table.phrase.replace("{label}", column.label)
    phrases, questions = _split((phrase, *column.says), table)
    return Lookup(
        table, table.keys, column, f"{table.name}_{column.name}", phrases, questions, uses=(column.name,)
    )


def _split(says: tuple[str, ...], table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Noun phrases and whole questions, with `{x}` replaced by the name of the table's key."""
    named = [s.replace("{x}", "{" + table.keys[0].name + "}") for s in says]
    return tuple(s for s in named if s[-1] not in "?."), tuple(s for s in named if s[-1] in "?.")
