"""RL of SmolLM2-135M after its SFT: for a machine with more time, or an accelerator."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.chat_format = "chatml"
    config.steps = 60
    config.groups_per_batch = 8
    config.round_groups = 8
    config.limits.update(max_turns=10, max_turn_tokens=256, max_tokens=1536)
    config.engine.update(slots=32, context=3072, prefill_rows=1, prefill_tokens=256, decode_tokens=8)
    # On a CPU what else would be saved costs more to write and to read than to compute again; and 5.5 GB.
    config.remat = "products"
    config.row_length = 4096
    config.logits_chunk = 256
    config.optimizer.update(learning_rate=1e-5)
    return config
