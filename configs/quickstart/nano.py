"""The whole loop on two cores without an accelerator: a nano Qwen3 from nothing, in minutes."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration

CONFIGS = Path(__file__).parent.parent


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.run_dir = "runs/quickstart"
    config.seed = 0  # of everything: arenas, weights, order, sampling
    config.cpu_devices = 2  # where there is no accelerator: as many as cores; a power of two
    config.sandbox_level = "SECCOMP"  # least confinement accepted; the tools here are our own generators'

    config.arenas = ConfigDict({name: arenas(name, count) for name, count in COUNTS.items()})
    config.double_checks = 0.7  # how likely SFT's demonstrator makes its last call twice
    config.tokenizer = ConfigDict()
    config.tokenizer.vocab_size = 4096
    config.tokenizer.rows = 1500  # trajectories whose words it learns
    config.tokenizer.word_weight = 30  # how often it meets each invented noun beside them

    config.sft = configuration.load(CONFIGS / "sft" / "nano.py").unlock()
    config.rl = configuration.load(CONFIGS / "rl" / "nano.py").unlock()
    config.eval = configuration.load(CONFIGS / "eval" / "nano.py").unlock()
    config.eval.samples = 2
    return config


COUNTS = {"sft": 6000, "rl": 1200, "held_out": 300}


def arenas(name: str, count: int) -> dict:
    scenarios = {"single_hop": 1.0, "parallel_single_hop": 2.0, "multi_hop": 2.0, "parallel_multi_hop": 1.0}
    options = {
        "docs": "brief",
        "scenarios": scenarios,
        "max_sub_questions": 3,
        "siblings": (1, 2),
        "distractors": (0, 1),
        "invented": 0.0 if name == "held_out" else 1.0,
    }
    return {"count": count, "options": options}
