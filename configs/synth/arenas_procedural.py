"""Arenas from the built-in domain generators: no model, no network."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    return configuration.load(Path(__file__).with_name("base.py"))
