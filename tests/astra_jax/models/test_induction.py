"""The induction start: an untrained model already prefers what followed a token before."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.models import ModelConfig, Transformer
from astra_jax.models.induction import start_with_induction

pytestmark = pytest.mark.usefixtures("compile_quickly")
CONFIG = ModelConfig(
    family="qwen3",
    vocab_size=500,
    hidden_size=128,
    ffn_size=128,
    num_layers=3,
    num_heads=2,
    num_kv_heads=2,
    head_dim=64,
    rope_theta=1e6,
    qk_norm=True,
)


def mean_rank_of_successor(model: Transformer, gap: int) -> float:
    """In `random tokens, the same again`: the mean rank (0 is best of 500) of the right next token."""
    tokens = jax.random.permutation(jax.random.key(1), 500)[:gap]
    row = jnp.concatenate([tokens, tokens])[None]
    logits = model.logits(model(row, jnp.arange(row.shape[1])[None], jnp.ones_like(row)))[0]
    logits = jnp.where(
        jax.nn.one_hot(row[0], 500, dtype=bool), -jnp.inf, logits
    )  # tied: a token votes for itself
    predictions, targets = logits[gap:-1], tokens[1:]
    right = jnp.take_along_axis(predictions, targets[:, None], axis=1)
    return float((predictions > right).sum(axis=1).mean())


@pytest.mark.parametrize("gap", [20, 150])
def test_an_untrained_model_repeats_what_it_has_seen(gap):
    noise = Transformer(CONFIG, rngs=nnx.Rngs(0))
    model = Transformer(CONFIG, rngs=nnx.Rngs(0))
    start_with_induction(model, seed=0)
    assert mean_rank_of_successor(noise, gap) > 210
    assert mean_rank_of_successor(model, gap) < 160


def test_the_same_seed_gives_the_same_weights():
    def weights(seed: int) -> list[np.ndarray]:
        model = Transformer(CONFIG, rngs=nnx.Rngs(0))
        start_with_induction(model, seed)
        return [np.asarray(leaf) for leaf in jax.tree.leaves(nnx.state(model))]

    assert all(np.array_equal(a, b) for a, b in zip(weights(3), weights(3), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(weights(3), weights(4), strict=True))


def test_a_model_that_cannot_hold_the_circuit_is_refused():
    import dataclasses

    shallow = Transformer(dataclasses.replace(CONFIG, num_layers=1), rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="at least two layers"):
        start_with_induction(shallow, seed=0)
