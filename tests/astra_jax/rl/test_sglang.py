"""RL of a nano model whose episodes the real SGLang samples, on a CPU."""

from pathlib import Path

import pytest
from rich.console import Console

from astra_jax.rl import train
from astra_jax.training.metrics import read_metrics
from data_synthesis.records import Episode, read_records
from tests.astra_jax.rl.test_train import make_config
from tests.data_synthesis.teacher.server.real_server import INSTALLED, serving

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not INSTALLED, reason="SGLang is not installed: `make sglang-cpu`"),
]


def test_three_updates_sample_each_from_the_weights_of_the_one_before(small, policy, compiled_dir, tmp_path):
    config = make_config(small, policy, tmp_path / "run")
    config.steps, config.round_groups, config.max_rounds = 3, 2, 1  # no group waits
    log = tmp_path / "server.log"
    with serving(log, policy, "--context-length", str(config.engine.context)) as server:
        config.servers.urls = server.origin
        folder = train(config, Console(quiet=True)).parent
    metrics = read_metrics(folder)
    assert [record["step"] for record in metrics] == [1, 2, 3]
    gap = max(record["logprob_gap_max"] for record in metrics)
    print(f"largest gap of a sampled token, over all updates: {gap:.2g} nats")
    assert gap < 1e-4
    assert max(record["stop/infrastructure"] for record in metrics) == 0
    samples = [list(read_records(path, Episode)) for path in sorted(folder.glob("samples/*.jsonl"))]
    versions = [{v for one in group for v in one.versions} for group in samples]
    assert versions == [{0}, {1}, {2}]
    assert len(list(Path(folder / "weights").iterdir())) == config.servers.keep
