"""SFT of a nano Qwen3 from nothing, with a tokenizer of its own: minutes on two cores.

Differs from the paper's recipe because the model starts from noise: higher rate, Muon, smaller everything.
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py"))
    config.model.init.update(
        hidden_size=128,
        ffn_size=256,
        num_layers=3,
        num_heads=2,
        num_kv_heads=2,
        head_dim=64,
    )
    config.model.start = "induction"
    config.tokenizer_vocab = 2048
    # Small updates: how soon a model from nothing learns to call tools depends on how often it is updated.
    config.data.sequence_length, config.data.window = 512, 512
    config.batch_rows = 4
    config.logits_chunk = 128
    config.epochs = 2
    config.optimizer.update(
        name="muon", learning_rate=1e-2, final_fraction=0.05, beta2=0.98, weight_decay=0.01
    )
    config.checkpoint_every = 50
    return config
