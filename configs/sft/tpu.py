"""SFT on a TPU slice: bfloat16 products, float32 weights, everything fully sharded. Other files name the model."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.model.compute_dtype = "bfloat16"
    config.model.remat = "full"
    config.logits_chunk = 256  # on each device: all score the tokens of all
    config.mesh.update(data=1, fsdp=-1)
    config.data.sequence_length = 4096
    config.batch_rows = 16
    config.save_in_background = True
    return config
