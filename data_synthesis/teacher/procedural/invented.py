"""Arenas with other nouns: the same tables and tools, in words that mean nothing.

A model that sees the nouns of a few domains learns them by heart. One that sees `find_meadow_gate` today and
`find_salt_gate` tomorrow has to read the tools' documents, as it must in a domain that it has never seen.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from data_synthesis.records import Arena
from data_synthesis.teacher.procedural.domain import RESERVED, Domain
from data_synthesis.teacher.procedural.plan import Unsuitable

_WORD = re.compile(r"[A-Za-z]+")
_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]))")
# Words that records, JSON Schema and tool sources use for purposes of their own.
_TAKEN = _WORD.findall(
    "source spec tool tools arguments expected question depends content reveals id gold calls distractors answer "
    "type function name description parameters object properties required string integer number boolean enum items "
    "array format default minimum maximum error unknown date time datetime timedelta hours minutes days data class "
    "self value key query result math get find lookup look check up finder by of a an and the"
)
_ONSETS = (
    "b",
    "br",
    "d",
    "dr",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "t",
    "tr",
    "v",
    "w",
    "z",
)
_CODAS = ("", "", "", "l", "m", "n", "r", "s", "nt", "rt")


@cache
def invented_nouns() -> tuple[str, ...]:
    """Common English words, those of the built-in domains among them: what a language model has read somewhere."""
    words = Path(__file__).with_name("common_words.txt").read_text("utf-8").split()
    return tuple(word for word in words if word not in _unusable())


def with_invented_nouns(arena: Arena, domain: Domain, rng: Random) -> Arena:
    """The arena with every noun of its domain's tables and columns replaced by a drawn one, everywhere alike.

    Questions, tool documents, sources, arguments and results change together, so what was provable stays so.
    """
    content = arena.model_dump(mode="json", exclude={"id", "verification"})
    present = {word.lower() for word in _WORD.findall(arena.model_dump_json())}
    old = sorted(word for word in _names(domain) if word in present and word not in _unusable())
    common = rng.sample([word for word in invented_nouns() if word not in present], len(old))
    # Half are coined: a tokenizer spells them in several pieces, as it does the nouns of a domain it never saw.
    new = [_coined(rng, present) if rng.random() < 0.5 else word for word in common]
    mapping = dict(zip(old, new, strict=True))
    if len(set(new)) < len(new):
        raise Unsuitable("a coined noun came twice")
    kept = {"domain", "scenario", "variant", "provenance", "schema_version"}
    return Arena.model_validate(
        {name: value if name in kept else _renamed(value, mapping) for name, value in content.items()}
    )


def _coined(rng: Random, present: set[str]) -> str:
    """A pronounceable word of two or three syllables that is no word yet."""
    while True:
        word = "".join(
            rng.choice(_ONSETS) + rng.choice("aeiou") + rng.choice(_CODAS)
            for _ in range(rng.choice((2, 2, 3)))
        )
        if word not in present | _unusable():
            return word


@cache
def _unusable() -> frozenset[str]:
    return frozenset({*_TAKEN, *RESERVED, *keyword.kwlist, *(name.lower() for name in dir(builtins))})


def _names(domain: Domain) -> set[str]:
    """The words of the names of tables, columns and computed values, and those that all names of a table share."""
    names = list(domain.tables)
    for lookup in domain.lookups:
        columns = (lookup.asked, *lookup.given, *lookup.extra)
        names += [word for column in columns for word in (column.name, *column.kind.words)]
    return {word for name in names for word in _WORD.findall(name.lower())}


def _renamed(value: Any, mapping: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        text = _WORD.sub(lambda found: _cased(found.group(), mapping), value)
        return text if text == value else _ARTICLE.sub(_article, text)
    if isinstance(value, list):
        return [_renamed(item, mapping) for item in value]
    if isinstance(value, dict):
        return {_renamed(name, mapping): _renamed(item, mapping) for name, item in value.items()}
    return value


def _cased(word: str, mapping: Mapping[str, str]) -> str:
    new = mapping.get(word.lower())
    if new is None:
        return word
    return new.upper() if word.isupper() and len(word) > 1 else new.capitalize() if word[0].isupper() else new


def _article(found: re.Match[str]) -> str:
    return found.group(1) + ("n " if found.group(2) in "aeiouAEIOU" else " ")
