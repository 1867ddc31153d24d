"""SFT of a nano Qwen3 from nothing, with a tokenizer of its own: minutes on two cores.

Differs from the paper's recipe because the model starts from noise: higher rate, Muon, smaller everything.
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py"))
    config.model.init.update(
        hidden_size=128, ffn_size=384, num_layers=4, num_heads=4, num_kv_heads=2, head_dim=32, rope_theta=1e4
    )
    config.data.sequence_length = 2048
    config.batch_rows = 4
    config.logits_chunk = 128
    config.epochs = 4
    config.optimizer.update(name="muon", learning_rate=3e-3, final_fraction=0.1, beta2=0.95, weight_decay=0.1)
    config.checkpoint_every = 50
    return config
