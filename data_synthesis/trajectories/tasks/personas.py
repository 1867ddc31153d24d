"""Who asks: persons from a file, or put together from built-in parts. Always data, never code and never a template."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from data_synthesis.records import BadRecord, first_problem

_LONGEST = 200  # characters of a text, as upstream cuts its longest field
_MOST = 5  # skills, and hobbies


class Persona(BaseModel):
    """Fields as in Nemotron-Personas, of which others are ignored. Texts are cut, lists too."""

    model_config = ConfigDict(extra="ignore")

    age: int | None = None
    occupation: str = ""
    education_level: str = ""
    professional_persona: str = ""
    skills_and_expertise_list: list[str] = []
    hobbies_and_interests_list: list[str] = []

    @field_validator("skills_and_expertise_list", "hobbies_and_interests_list", mode="before")
    @classmethod
    def _read_list(cls, value: Any) -> Any:
        """The data set spells lists as text, `['a', 'b']`: split, not evaluated."""
        if isinstance(value, str):
            value = [part.strip().strip("'\"") for part in value.strip().strip("[]").split(",")]
        return [item for item in value if item][:_MOST] if isinstance(value, list) else value

    @field_validator("skills_and_expertise_list", "hobbies_and_interests_list")
    @classmethod
    def _cut_items(cls, value: list[str]) -> list[str]:
        return [_cut(item) for item in value]

    @field_validator("occupation", "education_level", mode="before")
    @classmethod
    def _read_label(cls, value: Any) -> Any:
        return _cut(value.replace("_", " ")) if isinstance(value, str) else value

    @field_validator("professional_persona")
    @classmethod
    def _cut_text(cls, value: str) -> str:
        return _cut(value)


def read_personas(path: str | Path) -> list[Persona]:
    """The persons of a JSONL file, or of a Parquet file (with `pyarrow`).

    Raises:
        BadRecord: a line is none, or says nothing of anybody; names it.
    """
    path = Path(path)
    return [_parsed(path, number, line) for number, line in enumerate(_rows(path), 1)]


def sampled_persona(rng: random.Random) -> Persona:
    occupation, education = rng.choice(_WORK)
    return Persona(
        age=rng.randint(19, 78),
        occupation=occupation,
        education_level=education,
        professional_persona=rng.choice(_MANNERS),
        hobbies_and_interests_list=rng.sample(_HOBBIES, 2),
    )


def _rows(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    lines = path.read_bytes().splitlines()
    return [line for line in lines if line.strip()]


def _parsed(path: Path, number: int, row: Any) -> Persona:
    try:
        persona = Persona.model_validate(json.loads(row) if isinstance(row, bytes) else row)
    except ValidationError as error:
        field, problem = first_problem(error)
        raise BadRecord(path, number, field, f"{problem} (not a persona)") from error
    except ValueError as error:
        raise BadRecord(path, number, "", "is not JSON") from error
    if persona == Persona():
        raise BadRecord(
            path, number, "", f"says nothing of a person; fields are {', '.join(Persona.model_fields)}"
        )
    return persona


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


_WORK = (
    ("nurse on night shifts", "vocational training"),
    ("secondary school teacher", "master's degree"),
    ("lorry driver", "secondary school"),
    ("retired electrician", "apprenticeship"),
    ("first-year student of history", "secondary school"),
    ("owner of a small bakery", "apprenticeship"),
    ("accountant in a housing cooperative", "bachelor's degree"),
    ("site reliability engineer", "bachelor's degree"),
    ("translator who works from home", "master's degree"),
    ("farmer with two hundred sheep", "vocational training"),
    ("paralegal", "bachelor's degree"),
    ("postdoc in ecology", "doctorate"),
)
_MANNERS = (
    "writes short sentences and no greeting",
    "explains the background first and asks at the end",
    "is polite and a little formal",
    "is in a hurry and leaves words out",
    "uses the vocabulary of their trade",
    "thinks aloud and corrects themselves once",
    "is unsure and says what worries them",
    "lists what matters, most important first",
)
_HOBBIES = (
    "choir singing", "road cycling", "model railways", "growing vegetables", "chess", "baking bread",
    "bird watching", "amateur radio", "hiking", "restoring furniture", "football on Sundays", "pottery",
)  # fmt: skip
