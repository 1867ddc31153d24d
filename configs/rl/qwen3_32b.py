"""The paper's RL of Qwen3-32B: episodes of 25,600 + 49,152 tokens, each in a row over 8 devices."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("qwen3_14b.py")).unlock()
    config.preset = "qwen3_32b"
    config.engine.slots = 8  # with 4.6 GiB of cache each on every chip
    config.micro_rows = 16  # of a v5p-256; a multiple of the devices over 8
    return config
