"""Where a server was read: for the report, and for its record."""

from __future__ import annotations

from data_synthesis.interop.json_values import Numbered
from data_synthesis.records import Provenance


def place(each: Numbered) -> str:
    return f"{each.path}:{each.line}"


def provenance_of(each: Numbered) -> Provenance:
    """The file's name and the line, which say where a record comes from and are no part of its content."""
    return Provenance.model_validate({"source": each.path.name, "line": each.line})
