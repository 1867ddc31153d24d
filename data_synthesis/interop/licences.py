"""The licences of what the arenas were made from: said by the records, or given beside them; else unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_synthesis.pipeline import PipelineError
from data_synthesis.records import Record

UNKNOWN = "unknown"
_GENERATORS = ("generators of this project", "Apache-2.0")


def sources_of(record: Record) -> list[tuple[str, str]]:
    """What a record was made from, with licences: its fields `source` and `license`, or those of its provenance.

    A seed's fields reach the arena. What is not said is `unknown`.
    """
    said = (record.provenance.model_extra or {}) | (record.model_extra or {})
    sources = _texts(said.get("source"))
    licences = _texts(said.get("license", said.get("licence")))
    if not sources and not licences and record.provenance.teacher == "procedural":
        return [_GENERATORS]
    sources = sources or [UNKNOWN]
    if len(licences) != len(sources):
        licences = [" AND ".join(licences) or UNKNOWN] * len(sources)
    return list(zip(sources, licences, strict=True))


def given_licences(given: Sequence[str]) -> dict[str, str]:
    """Name -> SPDX identifier, of items `NAME=SPDX` or files that hold a JSON object of such pairs.

    Raises:
        PipelineError: an item is neither.
    """
    licences: dict[str, str] = {}
    for item in given:
        name, equals, spdx = item.rpartition("=")
        licences |= {name.strip(): spdx.strip()} if equals else _read(Path(item))
    if nameless := [name for name, spdx in licences.items() if not name or not spdx]:
        raise PipelineError(f"a licence is given as NAME=SPDX, and {nameless[0]!r} lacks one of the two")
    return licences


def _read(path: Path) -> Mapping[str, str]:
    try:
        pairs = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PipelineError(
            f"a licence is NAME=SPDX or a JSON file, and {path} is neither ({error})"
        ) from error
    if not isinstance(pairs, dict) or not all(isinstance(spdx, str) for spdx in pairs.values()):
        raise PipelineError(f'{path} must hold a JSON object such as {{"NAME": "SPDX"}}')
    return pairs


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each]
