"""A record as one line of JSON, and the short name of exactly these bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def json_line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def fingerprint(value: Mapping[str, Any]) -> str:
    """16 hex digits that differ where anything in `value` does, the fields that no record id covers included."""
    return hashlib.sha256(json_line(value).encode()).hexdigest()[:16]
