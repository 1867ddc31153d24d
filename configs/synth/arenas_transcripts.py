"""Arenas from replies recorded by hand, through all five steps and the proof: no model, no network."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.teacher = "transcript"
    config.out_dir = "runs/arenas_transcripts"
    return config
