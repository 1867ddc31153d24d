"""Runs written down by hand: for a server, requests and what an agent says and calls for each.

A rehearsal is a file `NAME.json`, with the title of its server:

    {"server": "Git", "tasks": [{
        "tools": ["git_status", "git_log"],
        "query": "...",
        "variations": {"complicate": "..."},
        "turns": [{"say": "I look.", "calls": [{"name": "git_status", "arguments": {}}]}, {"say": "The answer."}]}]}
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from data_synthesis.records import content_hash, first_problem

SHIPPED = Path(__file__).with_name("rehearsals")


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WrittenCall(_Written):
    name: str
    arguments: dict[str, JsonValue] = {}


class WrittenTurn(_Written):
    say: str = ""
    think: str | None = None
    calls: list[WrittenCall] = []


class WrittenTask(_Written):
    """`note` says what is wrong with a run that is wrong on purpose."""

    note: str = ""
    tools: list[str] = Field(min_length=1)
    query: str
    variations: dict[str, str] = {}
    turns: list[WrittenTurn] = Field(min_length=1)


class Rehearsal(_Written):
    server: str
    tasks: list[WrittenTask]


class BadRehearsal(ValueError):
    """A file that is no rehearsal; names it and what is wrong."""


class Rehearsals:
    """All rehearsals of a folder, by default those that come with the project.

    Raises, when first asked:
        BadRehearsal
    """

    def __init__(self, folder: str | Path = SHIPPED):
        self.folder = Path(folder)

    def of_server(self, title: str) -> list[WrittenTask]:
        return [task for each in self._all if each.server == title for task in each.tasks]

    def of_query(self, query: str) -> WrittenTask | None:
        """The task of this request, in its own words or in those of a variation."""
        return self._by_query.get(query)

    @cached_property
    def digest(self) -> str:
        """Of everything that is written down."""
        return content_hash([rehearsal.model_dump(mode="json") for rehearsal in self._all])

    @cached_property
    def _all(self) -> list[Rehearsal]:
        return [_read(path) for path in sorted(self.folder.glob("*.json"))]

    @cached_property
    def _by_query(self) -> dict[str, WrittenTask]:
        tasks = [task for each in self._all for task in each.tasks]
        return {query: task for task in tasks for query in (task.query, *task.variations.values())}


def _read(path: Path) -> Rehearsal:
    try:
        return Rehearsal.model_validate_json(path.read_bytes())
    except ValidationError as error:
        field, problem = first_problem(error)
        raise BadRehearsal(f"{path}: field `{field}`: {problem}") from error
