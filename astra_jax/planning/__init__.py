"""Compiles the steps of a run for a TPU slice that is not there, and says what they need."""

from astra_jax.planning.plan import Plan, make_plan
from astra_jax.planning.topology import NoCompiler, Slice, UnknownTopology, find_slice

__all__ = ["NoCompiler", "Plan", "Slice", "UnknownTopology", "find_slice", "make_plan"]
