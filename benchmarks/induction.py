"""What an induction start is worth: accuracy on unseen domains, with and without it, after equal work."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from astra_jax import configuration
from astra_jax.sft.model import load_model
from astra_jax.sharding import make_mesh
from astra_jax.tokens import QWEN3, tokenise
from astra_jax.tokens.nano import train_tokenizer
from astra_jax.training.batch import PackedBatch
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, assemble, plan, single
from astra_jax.training.state import TrainState, join_model, split_model
from astra_jax.training.step import make_train_step
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import oracle_trajectories
from data_synthesis.records import Trajectory
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import HELD_OUT, TRAINING, Options, invented_nouns, make_arenas

ARENAS, UPDATES, LENGTH, ROWS = 1200, 250, 512, 4
OPTIONS = Options(docs="brief", max_sub_questions=3, siblings=(1, 2), distractors=(0, 1), invented=0.6)


def measure() -> list[Figure]:
    from tempfile import TemporaryDirectory

    with LocalSandbox() as sandbox, TemporaryDirectory() as folder:
        train = _rows(ARENAS, TRAINING, 0, sandbox)
        unseen = _rows(100, HELD_OUT, 1, sandbox)
        tokenizer = train_tokenizer(
            train, folder, vocab_size=4096, texts=[f"{w} {w.capitalize()}" for w in invented_nouns()] * 30
        )
        batches = {
            name: _batches(rows, tokenizer) for name, rows in {"train": train, "unseen": unseen}.items()
        }
        accuracy = {
            start: _accuracy(start, tokenizer, batches["train"], batches["unseen"])
            for start in ("induction", "noise")
        }
    against = f"the same {UPDATES} updates from noise: {accuracy['noise']:.3f}"
    return [
        Figure("token accuracy on unseen domains", accuracy["induction"], "", against),
        Figure("ratio", accuracy["induction"] / accuracy["noise"], "x", "from noise"),
    ]


def _rows(count: int, domains: tuple[str, ...], seed: int, sandbox: LocalSandbox) -> list[Trajectory]:
    arenas = make_arenas(count, seed=seed, domains=domains, options=OPTIONS)
    return list(oracle_trajectories(arenas, sandbox))


def _batches(rows: list[Trajectory], tokenizer) -> list[PackedBatch]:
    tokens = [tokenise(row, tokenizer, QWEN3) for row in rows]
    blocks = [
        single(Sample(np.asarray(row.ids, np.int32), np.asarray(row.loss_mask, np.float32)))
        for row in tokens
        if len(row.ids) <= LENGTH
    ]
    packed = plan([len(block) for block in blocks], LENGTH)
    laid_out = [[blocks[i] for i in row] for row in packed]
    return [assemble(laid_out[i : i + ROWS], LENGTH, ROWS) for i in range(0, len(laid_out), ROWS)]


def _accuracy(start: str, tokenizer, train: list[PackedBatch], unseen: list[PackedBatch]) -> float:
    config = configuration.load("configs/sft/nano.py", [f"model.start={start}"])
    model = load_model(config, tokenizer, make_mesh())
    graph, params = split_model(model)
    optimizer = make_optimizer(OptimizerConfig(**config.optimizer), UPDATES, model)
    step = make_train_step(graph, optimizer, partial(cross_entropy, chunk=128))
    state = TrainState.create(params, optimizer.transform)
    for update in range(UPDATES):
        state, _ = step(state, train[update % len(train)])

    @jax.jit
    def right(params, batch):
        hidden = join_model(graph, params)(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
        hits = join_model(graph, params).logits(hidden).argmax(-1) == batch.targets
        return (hits * (batch.loss_weights > 0)).sum(), (batch.loss_weights > 0).sum()

    hits, total = (
        sum(map(int, counts)) for counts in zip(*(right(state.params, b) for b in unseen), strict=True)
    )
    return hits / total


if __name__ == "__main__":
    main("Induction start of a nano model", measure)
