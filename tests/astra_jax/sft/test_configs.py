import dataclasses
import re
from pathlib import Path

import pytest

from astra_jax import configuration
from astra_jax.models import ModelConfig
from astra_jax.training.optimizer import OptimizerConfig

CONFIGS = Path(__file__).parents[3] / "configs" / "sft"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.py")), ids=lambda path: path.stem)
def test_a_recipe_resolves_to_what_the_code_reads(path):
    config = configuration.load(path)
    optimizer = OptimizerConfig(**config.optimizer)
    assert dataclasses.fields(optimizer)
    assert ModelConfig(vocab_size=8, **config.model.init).num_layers > 0


@pytest.mark.parametrize(("name", "learning_rate"), [("qwen3_14b", 5e-6), ("qwen3_32b", 2e-6)])
def test_a_recipe_of_the_paper_says_what_the_paper_says(name, learning_rate):
    config = configuration.load(CONFIGS / f"{name}.py")
    o = config.optimizer
    assert (config.data.sequence_length, config.batch_rows, config.epochs) == (20_480, 32, 2)
    assert (o.learning_rate, o.schedule, o.warmup_fraction) == (learning_rate, "cosine", 0.05)


def test_every_field_of_the_optimizer_is_a_field_of_the_configuration():
    config = configuration.load(CONFIGS / "base.py")
    names = {field.name for field in dataclasses.fields(OptimizerConfig)}
    assert set(config.optimizer) == names - {"groups"}


def test_every_field_says_what_it_is():
    lines = (CONFIGS / "base.py").read_text().splitlines()
    fields = [line for line in lines if re.match(r"    config\.\S+ = (?!ConfigDict)", line)]
    explained_above = [line for line in fields if re.search(r"config\.(mesh|model\.init)\.", line)]
    assert [line for line in fields if "#" not in line and line not in explained_above] == []
