import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from astra_jax.models import abstract_model
from astra_jax.training.loss import cross_entropy
from astra_jax.training.optimizer import OptimizerConfig, make_optimizer
from astra_jax.training.packing import Sample, pack, single
from astra_jax.training.state import TrainState, computed_dtypes, join_model, split_model
from astra_jax.training.step import make_train_step

STEPS = 30


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    samples = [Sample(rng.integers(1, 61, n), (rng.random(n) < 0.7).astype(float)) for n in (9, 11, 5, 7, 12)]
    return pack([single(sample) for sample in samples], 16, 4)


@pytest.fixture(scope="module")
def make(tiny_model):
    graph, params = split_model(tiny_model)

    @functools.cache
    def compiled(optimizer_name, micro_batches):
        optimizer = make_optimizer(OptimizerConfig(1e-2, optimizer_name), STEPS, tiny_model)
        loss = functools.partial(cross_entropy, chunk=5)
        return make_train_step(graph, optimizer, loss, micro_batches=micro_batches), optimizer.transform

    def make(optimizer="adamw", micro_batches=1):
        step, transform = compiled(optimizer, micro_batches)
        return step, TrainState.create(jax.tree.map(jnp.copy, params), transform)

    return make


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_loss_of_a_batch_comes_down(make, batch, optimizer):
    step, state = make(optimizer=optimizer)
    losses = []
    for _ in range(STEPS):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert losses[-1] < 0.5 * losses[0]
    assert int(state.step) == STEPS


def test_metrics_are_those_of_the_whole_batch(make, batch):
    (whole, state), (parts, same) = make(micro_batches=1), make(micro_batches=2)
    (state, metrics), (same, split) = whole(state, batch), parts(same, batch)
    assert float(metrics["tokens"]) == (np.asarray(batch.loss_weights) != 0).sum()
    assert float(metrics["padding"]) == pytest.approx((np.asarray(batch.segment_ids) == 0).mean())
    assert float(metrics["learning_rate"]) == pytest.approx(1e-2 / 2)  # two steps of warm-up
    assert (
        metrics.keys()
        == split.keys()
        == {*("loss", "grad_norm", "learning_rate", "tokens", "padding", "entropy")}
    )
    for name in metrics:
        assert float(metrics[name]) == pytest.approx(float(split[name]), rel=1e-5), name


def test_a_batch_without_loss_has_a_loss_of_zero(make, batch):
    step, state = make()
    nothing = jax.tree.map(np.zeros_like, batch)
    _, metrics = step(state, nothing)
    assert float(metrics["loss"]) == float(metrics["grad_norm"]) == 0.0


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_rate_that_is_reported_is_applied_also_after_steps_without_an_update(make, batch, optimizer):
    moved, rates = [], []
    for skipped in (0, STEPS - 3):
        step, state = make(optimizer=optimizer)
        before = jax.tree.map(np.array, state.params)
        state, metrics = step(TrainState(state.step + skipped, state.params, state.opt_state), batch)
        rates.append(float(metrics["learning_rate"]))
        moved.append(jax.tree.map(lambda a, b: np.asarray(a) - b, state.params, before))
    assert rates[0] != pytest.approx(rates[1], rel=0.1)
    for first, later in zip(*map(jax.tree.leaves, moved), strict=True):
        np.testing.assert_allclose(later, first * rates[1] / rates[0], rtol=1e-2, atol=1e-6)


def test_rows_must_divide_into_micro_batches(make, batch):
    step, state = make(micro_batches=3)
    with pytest.raises(ValueError, match="4 rows cannot be taken in 3 equal micro-batches"):
        step(state, batch)


def test_a_step_keeps_the_shardings_it_is_given(make, batch):
    step, state = make()
    sharding = NamedSharding(Mesh(np.array(jax.devices()[:1]), ("data",)), P())
    state, _ = step(jax.device_put(state, sharding), jax.device_put(batch, sharding))
    assert {leaf.sharding for leaf in jax.tree.leaves(state)} == {sharding}


def test_a_model_is_its_structure_and_its_weights(tiny_model, batch):
    graph, params = split_model(tiny_model)
    arguments = (batch.tokens, batch.positions, batch.segment_ids)
    assert jnp.array_equal(join_model(graph, params)(*arguments), tiny_model(*arguments))


def test_weights_that_are_cast_before_the_loss_train_as_those_that_the_model_casts(tiny_model, batch):
    params = split_model(tiny_model)[1]
    shape = replace(tiny_model.config, compute_dtype="bfloat16")
    graph = split_model(abstract_model(shape))[0]
    optimizer = make_optimizer(OptimizerConfig(1e-2), STEPS, tiny_model)
    updated = []
    for dtypes in (None, computed_dtypes(abstract_model(shape))):
        step = make_train_step(graph, optimizer, cross_entropy, dtypes=dtypes)
        state = TrainState.create(jax.tree.map(jnp.copy, params), optimizer.transform)
        updated.append(jax.device_get(step(state, batch)[0]))
    jax.tree.map(np.testing.assert_array_equal, *updated)
