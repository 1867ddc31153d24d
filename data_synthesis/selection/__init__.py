"""Arenas of a finished file: measured, decontaminated, without near duplicates, sampled to a mix."""

from data_synthesis.selection.difficulty import Difficulty, measure
from data_synthesis.selection.errors import SelectionError
from data_synthesis.selection.mix import PAPER_MIX, read_mix
from data_synthesis.selection.schema_size import tokens_of
from data_synthesis.selection.select import select_file
from data_synthesis.selection.stats import stats_file

__all__ = [
    "PAPER_MIX",
    "Difficulty",
    "SelectionError",
    "measure",
    "read_mix",
    "select_file",
    "stats_file",
    "tokens_of",
]
