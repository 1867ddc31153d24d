"""The paper's RL of Qwen3-14B: episodes of 25,600 + 49,152 tokens, each in a row over 8 devices.

A row is longer than an episode, so that each device has a multiple of 1,024 tokens, the best block of attention.
"""

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
    config.engine_tensor = 4  # the chips of a host
    config.engine.slots = 16  # with 2.9 GiB of cache each on every chip
    config.row_length = 81_920
    config.micro_rows = 4  # of a v5p-64; a multiple of the devices over 8
    return config
