"""Whose question goes first, where not all can be asked at once."""

from __future__ import annotations

from contextvars import ContextVar

# The place in line of the record that is worked on: what began first is finished first. Else all would be at the same
# step at the same time, and leave the server idle where that step is not one that asks.
TURN: ContextVar[int] = ContextVar("turn", default=0)
