"""The paper's SFT of Qwen3-14B: 32 rows of 20k tokens, each row over 2 devices (its context parallelism).

As it is for v5p-64, whose memory keeps every product of half a batch. Chips with less want `model.remat=attention` and
`micro_batches=1`.
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("tpu.py")).unlock()
    config.preset = "qwen3_14b"
    config.data.sequence_length = 20_480
    config.data.packed = False
    config.batch_rows = 32
    config.micro_batches = 2
    config.model.remat = "products"
    config.mesh.update(context=2)
    return config
