"""Evaluation of SmolLM2-135M."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.chat_format = "chatml"
    config.limits.update(max_turns=10, max_turn_tokens=256, max_tokens=1536)
    config.engine.update(slots=32, context=3072, prefill_rows=1, prefill_tokens=256, decode_tokens=8)
    return config
