"""One model: what it computes does not depend on packing, batching, remat, or reading piece by piece."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer, init_cache
from astra_jax.models.parameter import named_parameters
from astra_jax.models.transformer import SHALLOW

pytestmark = pytest.mark.usefixtures("compile_quickly")

# Every switch on; each family's own use of them is compared with `transformers` in the checkpoint tests.
FULL = ModelConfig(
    family="qwen3",
    vocab_size=61,
    hidden_size=24,
    ffn_size=40,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=8,
    qk_norm=True,
    attention_bias=True,
    ffn_bias=True,
    tie_embeddings=False,
    init_std=0.3,  # logits large enough for a difference to show
)
forward = nnx.jit(lambda model, *batch: jax.nn.log_softmax(model.logits(model(*batch))))


@nnx.jit
def extend(model, tokens, positions, cache):
    hidden, cache = model.extend(tokens, positions, cache)
    return jax.nn.log_softmax(model.logits(hidden)), cache


@pytest.fixture(scope="module")
def model():
    model = Transformer(FULL, rngs=nnx.Rngs(0))
    for _, parameter in named_parameters(model):  # norms and biases too, which start as constants
        noise = jax.random.normal(jax.random.key(parameter.ndim), parameter.shape)
        parameter.set_value(parameter.get_value() + 0.1 * noise)
    return model


def random_tokens(seed, *shape):
    return np.random.default_rng(seed).integers(0, FULL.vocab_size, shape)


def alone(tokens):
    """A batch of whole rows: positions and one segment."""
    return tokens, np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape), np.ones_like(tokens)


def test_reading_piece_by_piece_equals_training(model):
    tokens = random_tokens(1, 3, 20)
    expected = forward(model, *alone(tokens))
    # Rows at different places: each reads its own number of tokens, the rest is padding.
    lengths = [np.array([4, 7, 1]), np.array([5, 0, 7]), *[np.array([1, 1, 1])] * 3]
    cache, done, seen = init_cache(model.config, 3, 24), np.zeros(3, int), np.zeros((3, 20), bool)
    for count in lengths:
        index = done[:, None] + np.arange(7)
        real = np.arange(7) < count[:, None]
        chunk = np.where(real, np.take_along_axis(tokens, np.minimum(index, 19), axis=1), 0)
        logprobs, cache = extend(model, chunk, np.where(real, index, -1), cache)
        row, column = np.nonzero(real)
        np.testing.assert_allclose(
            logprobs[row, column], expected[row, index[row, column]], atol=2e-5, rtol=0
        )
        seen[row, index[row, column]] = True
        done += count
    assert seen.sum() == sum(c.sum() for c in lengths)


def test_padding_is_written_nowhere(model):
    tokens, positions, _ = alone(random_tokens(2, 2, 6))
    _, cache = extend(model, tokens, positions, init_cache(model.config, 2, 8))
    _, after = extend(model, tokens, np.full_like(positions, -1), cache)
    jax.tree.map(np.testing.assert_array_equal, after, cache)


def test_apart_and_with_a_longer_cache_it_reads_the_same(model):
    tokens, positions, _ = alone(random_tokens(3, 2, 10))
    first = slice(0, 6)
    expected, cache = extend(model, tokens[:, first], positions[:, first], init_cache(model.config, 2, 8))
    logprobs, longer = extend(
        model.unstacked(), tokens[:, first], positions[:, first], init_cache(model.config, 2, 32)
    )
    np.testing.assert_allclose(logprobs, expected, atol=1e-5, rtol=0)
    for ours, theirs in zip(longer.layers, cache.layers, strict=True):
        (ours,), (theirs,) = ours.blocks, theirs.blocks
        np.testing.assert_allclose(ours.keys_BxKxHxS[..., :8], theirs.keys_BxKxHxS, atol=1e-5, rtol=0)
        np.testing.assert_allclose(ours.values_BxKxSxH[:, :, :8], theirs.values_BxKxSxH, atol=1e-5, rtol=0)


def pack(segments, parents, time):
    """Lays sequences out one after the other; `parents[i]` is the index of the one that comes before, or None."""
    tokens, positions, ids, parent_ids = (np.zeros((1, time), np.int64) for _ in range(4))
    start = 0
    for i, (sequence, parent) in enumerate(zip(segments, parents, strict=True)):
        end = start + len(sequence)
        offset = 0 if parent is None else len(segments[parent])
        tokens[0, start:end], ids[0, start:end] = sequence, i + 1
        positions[0, start:end] = offset + np.arange(len(sequence))
        parent_ids[0, start:end] = 0 if parent is None else parent + 1
        start = end
    return tokens, positions, ids, parent_ids


def test_packing_changes_nothing(model):
    sequences = [random_tokens(i, n) for i, n in enumerate([9, 30, 1, 17])]
    packed = forward(model, *pack(sequences, [None] * 4, 80))[0]
    for sequence, end in zip(sequences, np.cumsum([len(s) for s in sequences]), strict=True):
        expected = forward(model, *alone(sequence[None]))[0]
        np.testing.assert_allclose(packed[end - len(sequence) : end], expected, atol=2e-5, rtol=0)


def test_a_shared_prompt_packed_once_changes_nothing(model):
    """Two groups in a row, each a prompt and its completions: log-probs and gradients as in rows of their own."""
    segments = [random_tokens(i, n) for i, n in enumerate([12, 8, 3, 70, 20, 6, 11])]
    parents = [None, 0, 0, None, 3, 3, 3]
    packed = pack(segments, parents, 140)
    wholes = [
        np.concatenate([segments[p], s]) for s, p in zip(segments, parents, strict=True) if p is not None
    ]
    rows = [np.concatenate(x) for x in zip(*(pack([whole], [None], 90) for whole in wholes), strict=True)]
    in_row, in_rows = packed[3][0] != 0, np.zeros_like(rows[0], bool)
    for row, (whole, segment) in enumerate(
        zip(wholes, [s for s, p in zip(segments, parents, strict=True) if p is not None], strict=True)
    ):
        in_rows[row, len(whole) - len(segment) : len(whole)] = True
    graph, state = nnx.split(model)
    weights = np.random.default_rng(0).normal(size=(in_row.sum(), FULL.vocab_size))

    def objective(batch, where):
        def total(state):
            logprobs = forward(nnx.merge(graph, state), *batch)
            return (logprobs[np.nonzero(where)] * weights).sum()

        return jax.value_and_grad(jax.jit(total))(state)

    expected, expected_grads = objective(rows, in_rows)
    actual, grads = objective(packed, in_row[None])
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, atol=1e-3, rtol=1e-4), grads, expected_grads)


@pytest.mark.parametrize("remat", ["attention", pytest.param("full", marks=pytest.mark.slow)])
def test_remat_changes_no_gradient(remat):
    tokens = random_tokens(7, 2, 33)
    _, state = nnx.split(Transformer(FULL, rngs=nnx.Rngs(0)))

    def gradients(policy):
        config = dataclasses.replace(FULL, remat=policy)
        graph, _ = nnx.split(nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0))))
        loss = lambda state: jnp.sin(nnx.merge(graph, state)(*alone(tokens))).sum()  # noqa: E731
        return jax.jit(jax.grad(loss))(state)

    actual, expected = gradients(remat), gradients("none")
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, atol=1e-4, rtol=1e-5), actual, expected)


def test_half_precision_compute_keeps_float32_parameters_and_logits():
    config = dataclasses.replace(FULL, compute_dtype="bfloat16")
    model = Transformer(config, rngs=nnx.Rngs(0))
    full = Transformer(FULL, rngs=nnx.Rngs(0))
    batch = alone(random_tokens(8, 2, 16))
    logprobs = forward(model, *batch)
    assert {p.dtype for _, p in named_parameters(model)} == {jnp.dtype("float32")}
    assert nnx.eval_shape(lambda: model(*batch)).dtype == jnp.bfloat16
    extended, cache = extend(model, *batch[:2], init_cache(config, 2, 16))
    assert (logprobs.dtype, cache.layers[0].blocks[0].keys_BxKxHxS.dtype) == (jnp.float32, jnp.bfloat16)
    np.testing.assert_allclose(extended, logprobs, atol=0.3, rtol=0)
    np.testing.assert_allclose(logprobs, forward(full, *batch), atol=0.6, rtol=0)


def test_the_program_of_a_deep_model_does_not_grow_with_depth():
    def program(layers):
        config = dataclasses.replace(FULL, num_layers=layers)
        graph, state = nnx.split(nnx.eval_shape(lambda: Transformer(config, rngs=nnx.Rngs(0))))
        tokens = random_tokens(9, 1, 8)
        loss = jax.grad(lambda state: nnx.merge(graph, state)(*alone(tokens)).sum())
        return jax.jit(loss).lower(state).as_text().count("\n")

    assert program(SHALLOW + 1) == program(12)


def test_every_parameter_names_its_axes(model):
    for path, parameter in named_parameters(model):
        assert len(parameter.axes) == parameter.ndim, path
        assert (parameter.axes[0] == "layers") == path.startswith("layers."), path


@pytest.mark.parametrize(
    ("change", "message"),
    [({"num_kv_heads": 3}, "num_heads is 4 and num_kv_heads 3"), ({"head_dim": 7}, "head_dim is 7")],
)
def test_impossible_sizes_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(FULL, **change)
