"""Held-out arenas played over a server."""

from pathlib import Path

import pytest
from rich.console import Console

from astra_jax import configuration
from astra_jax.evaluation.arenas import evaluate
from astra_jax.inference.engine import EngineSize
from data_synthesis.records import Episode, read_records
from tests.astra_jax.inference.server.conftest import serving

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_an_evaluation_over_a_server_plays_what_one_without_it_plays(small, policy, compiled_dir, tmp_path):
    config = configuration.load(ROOT / "configs" / "eval" / "nano.py")
    config.model, config.arenas, config.sandbox_level = str(policy), str(small.path), "SECCOMP"
    config.temperature = 0.0
    config.episodes = str(tmp_path / "alone.jsonl")
    alone = evaluate(config, Console(quiet=True))
    with serving(policy, EngineSize(**config.engine)) as (config.servers.urls, _):
        config.episodes = str(tmp_path / "over_http.jsonl")
        over_http = evaluate(config, Console(quiet=True))
    assert over_http == alone
    ids = [
        [episode.token_ids for episode in read_records(tmp_path / f"{name}.jsonl", Episode)]
        for name in ("alone", "over_http")
    ]
    assert ids[0] == ids[1]
