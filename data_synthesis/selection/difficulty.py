"""How difficult an arena is, measured: the shape of its gold calls, its tools, and what it asks for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from data_synthesis.arenas.scoring import arguments_known
from data_synthesis.arenas.text import normalise
from data_synthesis.environments.graph import layers, scenario
from data_synthesis.records import Arena, GoldCall, Scenario
from data_synthesis.selection.schema_size import WORDS_AND_MARKS, Unit, schema_size

AnswerType = Literal["number", "date", "text", "boolean", "list", "object"]

_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[ap]\.?m\.?)?"
_DAY = "|".join(
    (
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}",
        r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}",
        r"\d{4}年\d{1,2}月(?:\d{1,2}[日号])?",
        rf"\d{{1,2}}(?:st|nd|rd|th)?\.?\s{_MONTH}(?:,?\s\d{{4}})?",
        rf"{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?",
    )
)
_DATE = re.compile(rf"(?:{_DAY})(?:[T\s,]+{_CLOCK}(?:Z|[+-]\d{{2}}:?\d{{2}})?)?|{_CLOCK}", re.IGNORECASE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")


@dataclass(frozen=True)
class Shape:
    """The shape of the gold calls' dependencies.

    Attributes:
        scenario: the paper's four types, by the shape.
        depth: layers; calls of one layer depend on no call of it.
        width: calls of the largest layer.
        parallel_calls: calls that share their layer.
    """

    scenario: Scenario
    depth: int
    width: int
    parallel_calls: int


@dataclass(frozen=True)
class Difficulty:
    """What was measured of one arena.

    Attributes:
        shape: null where the file does not say which gold call depends on which (released RL rows).
        gold_calls: the paper's n, the number of sub-tasks in the reward.
        tools: tools that gold calls may use; `distractors` are counted apart.
        schema_size: of all tools shown, in the unit that `measure` was given.
        answer_types: of the gold calls' expected answers, one for each, in their order.
    """

    shape: Shape | None
    gold_calls: int
    tools: int
    distractors: int
    schema_size: int
    answer_types: tuple[AnswerType, ...]

    @property
    def parallel_share(self) -> float | None:
        """The share of gold calls that share their layer with another."""
        return self.shape.parallel_calls / self.gold_calls if self.shape else None


def measure(arena: Arena, unit: Unit = WORDS_AND_MARKS) -> Difficulty:
    """Measures one arena.

    Raises:
        ValueError: its gold calls depend on each other in a circle, or on one that does not exist.
    """
    shown = [tool.spec for tool in [*arena.tools, *arena.distractors]]
    return Difficulty(
        shape=shape(arena.gold_calls),
        gold_calls=len(arena.gold_calls),
        tools=len(arena.tools),
        distractors=len(arena.distractors),
        schema_size=schema_size(shown, unit),
        answer_types=tuple(answer_type(gold.expected) for gold in arena.gold_calls),
    )


def shape(gold_calls: Sequence[GoldCall]) -> Shape | None:
    """The shape of the calls' dependencies, or null where they are not known.

    Raises:
        ValueError: the dependencies are no directed acyclic graph.
    """
    if not all(map(arguments_known, gold_calls)):
        return None
    parents = {gold.id: gold.depends_on for gold in gold_calls}
    if len(parents) < len(gold_calls):
        raise ValueError("two gold calls have the same id")
    sizes = Counter(layers(parents).values())
    shared = sum(size for size in sizes.values() if size > 1)
    return Shape(scenario(parents), depth=len(sizes), width=max(sizes.values()), parallel_calls=shared)


def answer_type(expected: JsonValue) -> AnswerType:
    """The type of an answer. Text that spells a number, a date or a time of day is one (`"$1,200"`, `"14:30"`)."""
    if isinstance(expected, bool):
        return "boolean"
    if isinstance(expected, int | float):
        return "number"
    if isinstance(expected, list):
        return "list"
    if isinstance(expected, dict):
        return "object"
    text = (expected or "").strip()
    if _DATE.fullmatch(text):
        return "date"
    tokens = normalise(text)
    return "number" if tokens.startswith("#") and " " not in tokens else "text"


def script(text: str) -> Literal["Han", "Latin", "other"]:
    """The script of most letters. Han stands for Han and kana."""
    unspaced, latin = len(_UNSPACED.findall(text)), len(_LATIN.findall(text))
    others = sum(map(str.isalpha, text)) - unspaced - latin
    if unspaced >= max(latin, others, 1):
        return "Han"
    return "Latin" if latin >= max(others, 1) else "other"
