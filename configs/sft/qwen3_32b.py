"""The paper's SFT of Qwen3-32B: 32 rows of 20k tokens, each row over 4 devices (its context parallelism)."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("qwen3_14b.py")).unlock()
    config.preset = "qwen3_32b"
    config.mesh.update(context=4)
    config.optimizer.learning_rate = 2e-6
    return config
