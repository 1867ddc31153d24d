"""The paper's RL of Qwen3-14B: rows of 25,600 + 49,152 tokens, each over 8 devices."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.preset = "qwen3_14b"
    config.compute_dtype = "bfloat16"
    config.remat = "full"
    config.share_prompts = False
    config.mesh.update(data=1, fsdp=-1, context=8)
    config.micro_rows = 4  # of a v5p-64; a multiple of the devices over 8
    return config
