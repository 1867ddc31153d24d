"""Evaluation of the nano model of the quickstart."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.limits.update(max_turns=6, max_turn_tokens=80, max_tokens=224, deadline_s=300.0)
    config.engine.update(
        slots=32, context=448, prefill_rows=8, prefill_tokens=64, decode_tokens=8, stop_ids=2
    )
    return config
