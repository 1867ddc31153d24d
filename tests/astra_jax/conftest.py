"""What tests of playing, RL and evaluation share: a few real arenas, and a tiny model that half knows their answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints.hf import export_model
from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.induction import start_with_induction
from astra_jax.tokens import FORMATS, Tokenizer
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.tokens.rows import tokenise
from astra_jax.training import compile_cache
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import TrainState, join_model, split_model
from astra_jax.training.step import make_train_step
from data_synthesis.arenas import oracle_trajectory, prove_all
from data_synthesis.records import Arena, Trajectory, write_records
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import Options, make_arenas
from tests.astra_jax.training_process import TrainingProcess
from tests.compiling import compiling_quickly

STEPS = 66  # enough to call tools well, too few to do it every time: groups of episodes differ in reward
VARIANTS = ({}, {"missing_function": 1.0}, {"missing_parameter": 1.0})
DOMAINS = ("bank", "flights", "museum")


@dataclass(frozen=True)
class Small:
    """Nine proved arenas, three of each variant, their oracle trajectories, and a tokenizer of their words."""

    arenas: list[Arena]
    path: Path  # JSONL of the arenas
    rows: list[Trajectory]
    tokenizer: Tokenizer


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    with LocalSandbox() as opened:
        yield opened


@pytest.fixture(scope="session")
def small(sandbox, tmp_path_factory) -> Small:
    folder = tmp_path_factory.mktemp("small")
    arenas = [arena for seed in range(len(VARIANTS)) for arena in prove_all(_made(seed), sandbox)]
    assert all(arena.verification and arena.verification.passed for arena in arenas)
    write_records(folder / "arenas.jsonl", arenas)
    rows = [oracle_trajectory(arena, sandbox, seed=0) for arena in arenas]
    tokenizer = train_tokenizer(rows, folder / "tokenizer", vocab_size=512)
    return Small(arenas, folder / "arenas.jsonl", rows, tokenizer)


def _made(seed: int) -> Iterator[Arena]:
    options = Options(
        docs="brief",
        scenarios={"single_hop": 1.0, "parallel_single_hop": 1.0},
        max_sub_questions=2,
        siblings=(0, 0),
        distractors=(0, 1),
        **VARIANTS[seed],
    )
    return make_arenas(len(DOMAINS), seed=seed, domains=DOMAINS, options=options)


@pytest.fixture(scope="session")
def policy(small, tmp_path_factory) -> Path:
    """A Hugging Face directory: a tiny Qwen3 that has seen the oracle trajectories a few times."""
    path = tmp_path_factory.mktemp("policy") / "hf"
    with compiling_quickly():
        export_model(_half_taught(small), path, tokenizer_dir=small.tokenizer.directory)
    return path


def _half_taught(small: Small) -> Transformer:
    shape = ModelConfig(
        family="qwen3",
        vocab_size=small.tokenizer.vocab_size,
        hidden_size=32,
        ffn_size=64,
        num_layers=2,
        num_heads=2,
        num_kv_heads=1,
        head_dim=16,
        qk_norm=True,
        rope_theta=1e4,
    )
    model = Transformer(shape, rngs=nnx.Rngs(0))
    start_with_induction(model, 0)
    graph, params = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(learning_rate=1e-2, schedule="constant"), STEPS, model)
    state = TrainState.create(params, optimizer.transform)
    step = make_train_step(graph, optimizer, cross_entropy)
    tokens = [tokenise(row, small.tokenizer, FORMATS["qwen3"]) for row in small.rows]
    batch = pack([single(Sample(np.array(row.ids), np.array(row.loss_mask))) for row in tokens], 512)
    for _ in range(STEPS):
        state, _ = step(state, batch)
    return join_model(graph, state.params)


@pytest.fixture(scope="session")
def programs(tmp_path_factory) -> Path:
    """Where compiled programs are kept for all files of tests: a key names the program and how it was compiled."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def compiled_dir(programs) -> Iterator[Path]:
    """Where this process, and those it starts, keep compiled programs: each is compiled once."""
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: jax.config.values[name] for name in names}
    compile_cache.enable(programs)
    with compiling_quickly():
        yield programs
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture
def in_a_process(compiled_dir) -> Callable[..., TrainingProcess]:
    """Starts the `train` of a module with a configuration, on one CPU device or on several."""
    return partial(TrainingProcess, compiled_dir)
