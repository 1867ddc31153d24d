"""Arenas from questions of yours, through all five steps, asking a language model behind an OpenAI-compatible server.

python -m sglang.launch_server --model-path Qwen/Qwen3-32B --port 30000
astra synth arenas --config=configs/synth/arenas_sglang.py --config.seeds.path=questions.jsonl
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("base.py")).unlock()
    config.teacher = "server"
    config.out_dir = "runs/arenas_sglang"
    return config
