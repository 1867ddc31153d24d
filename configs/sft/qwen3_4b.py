"""SFT of Qwen3-4B on rows of 4,096 tokens."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("tpu.py")).unlock()
    config.preset = "qwen3_4b"
    return config
