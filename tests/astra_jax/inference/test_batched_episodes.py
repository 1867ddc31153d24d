"""Episodes by the real engine: what a model plays does not depend on what else is played."""

import asyncio
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from astra_jax.checkpoints.hf import import_model
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.episodes import EpisodeLimits, Job, Player
from astra_jax.inference.slots import Slots
from astra_jax.rl.batch_filling import Filled, Group
from astra_jax.rl.metrics import rollout_metrics
from astra_jax.tokens import FORMATS
from astra_jax.training.loss import token_logprobs
from astra_jax.training.packing import Sample, pack, single
from data_synthesis.records import Episode

TEMPERATURE = 0.9
LIMITS = EpisodeLimits(max_turns=6, max_turn_tokens=48, max_tokens=256)


@pytest.fixture(scope="module")
def model(policy):
    return import_model(policy)


@pytest.fixture(scope="module")
def play(model, small, sandbox):
    """Plays (arena number, seed) pairs, `at_once` at the same time, on an engine with four slots."""

    def play(pairs, at_once=8) -> list[Episode]:
        size = EngineSize(
            slots=4, context=448, prefill_rows=2, prefill_tokens=32, decode_tokens=8, stop_ids=2
        )
        engine = JaxEngine(model, size, version=3)
        player = Player(
            engine, small.tokenizer, FORMATS["qwen3"], sandbox, LIMITS, TEMPERATURE, at_once=at_once
        )
        return asyncio.run(player.play_all([Job(small.arenas[n], seed) for n, seed in pairs]))

    return play


@pytest.fixture(scope="module")
def eight(play) -> list[Episode]:
    """Eight episodes of four arenas over four slots: most lose their slot between turns."""
    return play([(n, seed) for n in (0, 3, 4, 7) for seed in (0, 1)])


def test_an_episode_is_the_same_alone_and_among_others(play, eight):
    assert len({episode.id for episode in eight}) > 4
    assert max(len(episode.weight_versions) for episode in eight) > 2
    for episode, (number, seed) in zip(eight, [(n, s) for n in (0, 3, 4, 7) for s in (0, 1)], strict=True):
        assert play([(number, seed)]) == [episode]


@pytest.mark.parametrize("at_once", [1, 5])
def test_how_many_are_in_play_bounds_what_is_parked_and_changes_no_episode(play, eight, monkeypatch, at_once):
    parked, park = [], Slots._park

    def watched(slots, index):
        park(slots, index)
        parked.append(len(slots.parked))

    monkeypatch.setattr(Slots, "_park", watched)
    assert play([(n, seed) for n in (0, 3, 4, 7) for seed in (0, 1)], at_once) == eight
    assert max(parked) <= at_once - 1


def test_weights_that_are_pushed_within_a_turn_show_in_the_versions_of_its_tokens(model, small, sandbox):
    changed = jax.tree.map(lambda leaf: leaf * 1.01, nnx.to_pure_dict(nnx.state(model)))
    completions = []

    class PushedUnderWay(JaxEngine):
        async def generate(self, token_ids, sampling, *, session=""):
            request = self.submit(token_ids, sampling, session=session)
            pieces = request.pieces()
            await anext(pieces)
            self.pause()
            self.push(changed, 1)
            self.resume()
            completions.append(await request.done)
            return completions[-1]

    size = EngineSize(slots=1, context=448, prefill_rows=1, prefill_tokens=32, decode_tokens=4, stop_ids=2)
    limits = replace(LIMITS, max_turns=1)
    player = Player(
        PushedUnderWay(model, size), small.tokenizer, FORMATS["qwen3"], sandbox, limits, TEMPERATURE
    )
    episode = asyncio.run(player.play(small.arenas[0], seed=0))
    (completion,) = completions
    ((before, after),) = episode.weight_versions
    assert (before.version, after.version) == (0, 1)
    assert [0] * before.tokens + [1] * after.tokens == completion.weight_versions
    played = Filled([], [], [Group(0, 1, [episode])], unknown=0, uninformative=0, expired=0, rounds=1)
    assert rollout_metrics(played, step=1)["episodes/mixed"] == 1


def test_it_can_call_tools(eight):
    assert [episode.versions for episode in eight] == [[3]] * 8
    assert any(episode.reward and episode.reward.solved for episode in eight)
    assert all(episode.reward is not None for episode in eight)


def test_the_samplers_logprobs_are_those_of_the_training_forward(model, eight):
    samples = [
        Sample(np.array(e.token_ids), np.array(e.loss_mask), np.zeros(len(e.token_ids)), np.array(e.logprobs))
        for e in eight
    ]
    batch = pack([single(sample) for sample in samples], 896, 4)

    @jax.jit
    def logprobs(batch):
        hidden = model(batch.tokens, batch.positions, batch.segment_ids, batch.parent_ids)
        return token_logprobs(model, hidden, batch.targets, TEMPERATURE)[0]

    gap = jnp.where(batch.loss_weights > 0, logprobs(batch) - batch.sampler_logprobs, 0)
    assert int((batch.loss_weights > 0).sum()) == sum(sum(episode.loss_mask) for episode in eight)
    assert float(jnp.abs(gap).max()) < 1e-4
