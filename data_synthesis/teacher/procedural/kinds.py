"""Kinds of values: how one is made, how a JSON schema describes it, and what it is measured in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from pydantic import JsonValue

from data_synthesis.teacher.procedural import names


@dataclass(frozen=True, eq=False)
class Kind:
    """`near`, where there is one, makes a value that is easily confused with a given one.

    `measure` names a table of `formulas.MEASURES`, for values that tools can convert. `words` are in every value.
    """

    make: Callable[[Random], JsonValue]
    schema: dict[str, JsonValue] = field(default_factory=lambda: {"type": "string"})
    near: Callable[[Random, str], str] | None = None
    measure: str | None = None
    words: tuple[str, ...] = ()

    @property
    def choices(self) -> tuple[str, ...]:
        """All values, where they are few."""
        enum = self.schema.get("enum", ())
        return tuple(str(value) for value in enum) if isinstance(enum, list) else ()

    @property
    def is_text(self) -> bool:
        return self.schema["type"] == "string"


def code(pattern: str) -> Kind:
    """Codes such as `KX-417` for `??-###`; see `names.code`."""
    regex = "^" + pattern.replace("?", "[A-Z]").replace("#", "[0-9]") + "$"
    return Kind(lambda rng: names.code(rng, pattern), {"type": "string", "pattern": regex}, names.misread)


def named(suffix: str = "", prefix: str = "") -> Kind:
    """Names such as `Amber Fox Hotel` for the suffix `Hotel`."""
    return _titled(names.compound, suffix, prefix)


def placed(suffix: str = "", prefix: str = "") -> Kind:
    """Names such as `Velmora Museum` for the suffix `Museum`."""
    return _titled(names.place, suffix, prefix)


def _titled(name: Callable[[Random], str], suffix: str, prefix: str) -> Kind:
    words = (*prefix.split(), *suffix.split())
    return Kind(lambda rng: f"{prefix} {name(rng)} {suffix}".strip(), words=words)


def integer(low: int, high: int, step: int = 1, measure: str | None = None) -> Kind:
    schema: dict[str, JsonValue] = {"type": "integer", "minimum": low, "maximum": high}
    return Kind(lambda rng: rng.randrange(low, high + 1, step), schema, measure=measure)


def decimal(low: float, high: float, places: int = 1, measure: str | None = None) -> Kind:
    """Numbers with exactly `places` decimals, the last of which is never 0."""
    scale = 10**places
    first, last = int(low * scale), int(high * scale)

    def make(rng: Random) -> float:
        value = rng.randrange(first, last)
        return (value if value % 10 else value + 1) / scale

    return Kind(make, {"type": "number"}, measure=measure)


def money(low: int, high: int) -> Kind:
    """Whole amounts in euros."""
    return integer(low, high, measure="money")


def choice(*values: str) -> Kind:
    return Kind(lambda rng: rng.choice(values), {"type": "string", "enum": list(values)})


def dates(first: str, days: int = 700) -> Kind:
    start = date.fromisoformat(first)
    schema: dict[str, JsonValue] = {"type": "string", "format": "date"}
    return Kind(lambda rng: (start + timedelta(days=rng.randrange(days))).isoformat(), schema)


def times(first: int = 5, last: int = 22) -> Kind:
    """24-hour clock times between two hours, to five minutes."""
    schema: dict[str, JsonValue] = {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}
    return Kind(lambda rng: f"{rng.randrange(first, last):02d}:{rng.randrange(0, 60, 5):02d}", schema)


def _email(rng: Random) -> str:
    return f"{names.given_name(rng)}.{names.family_name(rng)}@{rng.choice(names.THINGS)}.example".lower()


def _phone(rng: Random) -> str:
    return f"0{rng.randrange(20, 99)} {rng.randrange(200, 999)} {rng.randrange(1000, 9999)}"


PERSON = Kind(names.person, near=names.relative)
PLACE = Kind(names.place)
STREET = Kind(names.street)
EMAIL = Kind(_email, {"type": "string", "format": "email"})
PHONE = Kind(_phone)
DATE = dates("2026-01-05")
TIME = times()
COLOUR = choice("blue", "green", "orange", "purple", "red", "silver", "white", "yellow")
RATING = decimal(2.1, 4.9)
