"""SFT of SmolLM2-135M-Instruct with its real weights: `astra convert smollm2 OUT`, then model.path=OUT.

An hour or more on two cores, minutes on an accelerator.
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py"))
    config.chat_format = "chatml"
    # On a CPU what else would be saved costs more to write and to read than to compute again.
    config.model.remat = "products"
    config.mesh.update(data=1, fsdp=-1)  # each device updates its part of the weights
    config.data.sequence_length, config.data.window = 2048, 512
    config.batch_rows = 4
    config.logits_chunk = 128  # a 49k vocabulary: the logits of 128 tokens in 4 rows are 100 MB
    config.epochs = 1
    # A tenth of its own SFT's rate (1e-3: alignment-handbook, recipes/smollm2/sft/config_smol.yaml), because these
    # rows are few and narrow.
    config.optimizer.learning_rate = 1e-4
    config.checkpoint_every = 25
    return config
