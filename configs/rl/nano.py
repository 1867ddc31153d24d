"""RL of the nano model of the quickstart: minutes on two cores."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.steps = 40
    config.groups_per_batch = 8
    config.round_groups = 12
    config.max_rounds = 3
    config.limits.update(max_turns=6, max_turn_tokens=80, max_tokens=224, deadline_s=300.0)
    config.engine.update(
        slots=32, context=448, prefill_rows=8, prefill_tokens=64, decode_tokens=8, stop_ids=2
    )
    config.row_length = 1024
    config.micro_rows = 2
    config.logits_chunk = 128
    config.optimizer.update(learning_rate=2e-4, beta2=0.95)
    return config
