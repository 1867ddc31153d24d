"""What counts as a tool's saying no."""

from __future__ import annotations


def is_refusal(value: object) -> bool:
    """Whether an output is an error instead of an answer: nothing, text that begins with it, a field that says so."""
    if isinstance(value, str):
        return value.lower().startswith("error")
    if isinstance(value, dict):
        said_no = value.get("success") is False or value.get("ok") is False
        return said_no or bool(value.get("error")) or value.get("status") in ("error", "failed", "not_found")
    return value is None
