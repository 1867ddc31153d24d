"""A record that a step has changed: new content, new id, and the old id as its parent."""

from __future__ import annotations

from typing import Any, TypeVar

from data_synthesis.records import Provenance, Record

R = TypeVar("R", bound=Record)


def revised(record: R, teacher: str, prompt_version: str, **changes: Any) -> R:
    """`record` with `changes`, descended from it."""
    return descended(record, Provenance(teacher=teacher, prompt_version=prompt_version), **changes)


def descended(record: R, provenance: Provenance, **changes: Any) -> R:
    """`record` with `changes` and `provenance`, whose parent is the record as it was."""
    provenance = provenance.model_copy(update={"parents": [record.id]})
    content = {name: getattr(record, name) for name in type(record).model_fields if name != "id"}
    return type(record).model_validate(
        content | (record.model_extra or {}) | {"provenance": provenance} | changes
    )
