"""SFT of Qwen3-30B-A3B on rows of 4,096 tokens, for 256 chips: 32 experts on each of 4 devices."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("tpu.py")).unlock()
    config.preset = "qwen3_30b_a3b"
    config.mesh.update(expert=4)
    config.batch_rows = 256
    return config
