"""The real SGLang on a CPU, SmolLM2-135M in float32: tokens and log-probs are those of the engine in this process."""

import asyncio
import dataclasses
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from astra_jax.checkpoints.hf import import_model, load_config
from astra_jax.inference.engine import EngineSize, JaxEngine
from astra_jax.inference.interface import BadSampling, ContextOverflow, Sampling
from astra_jax.inference.sglang.errors import Refusal
from astra_jax.tokens import CHATML, Tokenizer
from astra_jax.training.loss import token_logprobs
from astra_jax.training.state import join_model, split_model
from data_synthesis.records import Message
from tests.astra_jax.inference.server.conftest import serving as serving_ours
from tests.astra_jax.inference.server.test_native import wait_for
from tests.astra_jax.inference.sglang.conftest import folders_in, in_thread
from tests.data_synthesis.teacher.server.real_server import ENVIRONMENT, INSTALLED, MODEL, serving

pytestmark = [
    pytest.mark.sglang,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not INSTALLED, reason="SGLang is not installed: `make sglang-cpu`"),
]

FOLDER = ENVIRONMENT / MODEL
SIZE = EngineSize(slots=8, context=512, prefill_rows=4, prefill_tokens=64, decode_tokens=8, stop_ids=4)
QUESTIONS = [
    "What is the capital of France?",
    "Name three colours.",
    "Write one sentence about the sea.",
    "What is 12 + 30?",
    "Which animal says meow?",
    "Translate 'good morning' to Spanish.",
    "Give me a JSON object with a name and an age.",
    "Why is the sky blue?",
]
CLOSE = 1e-4  # |difference of log-probs|, nats, in float32


@pytest.fixture(scope="module")
def sglang(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("sglang") / "server.log") as server:
        yield server


@pytest.fixture(scope="module")
def model():
    return import_model(FOLDER)


@pytest.fixture(scope="module")
def prompts():
    tokenizer = Tokenizer(FOLDER)
    return [
        tokenizer.encode_prompt(CHATML.open([Message(role="user", content=question)], []))
        for question in QUESTIONS
    ]


@pytest.fixture
def connect(connected):
    def make(*urls, **changes):
        vocabulary = load_config(FOLDER).vocab_size
        slow = {"watch_s": 1.0, "patience_s": 120.0}  # two cores for everything
        return connected(*urls, **({"context": 512, "vocab_size": vocabulary} | slow | changes))

    return make


def all_of(engine, prompts, sampling):
    async def ask():
        return await asyncio.gather(*(engine.generate(prompt, sampling) for prompt in prompts))

    return asyncio.run(ask())


def forward(model, prompt, completion, temperature=1.0):
    """The trainer's log-probs of a completion."""

    @jax.jit
    def score(params, tokens, targets):
        model = join_model(graph, params)
        hidden = model(tokens, jnp.arange(tokens.shape[1])[None], jnp.ones_like(tokens), None)
        return token_logprobs(model, hidden, targets, temperature)[0]

    graph, params = split_model(model)
    ids = np.array([*prompt, *completion.token_ids], np.int32)
    padded = np.zeros((1, 513), np.int32)
    padded[0, : len(ids)] = ids
    scores = np.asarray(score(params, padded[:, :-1], padded[:, 1:]))[0]
    return scores[len(prompt) - 1 : len(ids) - 1]


def test_it_is_known_for_what_it_is(sglang, connect):
    abilities = connect(sglang.origin)._fleet.members[0].server.abilities
    assert (abilities.kind, abilities.context, abilities.updates) == ("SGLang", 8192, True)
    assert (abilities.takes_seed, abilities.repeats, abilities.outputs_only) == (True, False, False)


def test_greedy_tokens_and_log_probs_are_those_of_the_engine_in_this_process(
    sglang, connect, model, prompts, record_property
):
    """SGLang ends at the model's own ids whether asked or not; here none is asked for, and it is made to go on."""
    greedy = Sampling(48, (), temperature=0.0)
    theirs = all_of(connect(sglang.origin), prompts, greedy)
    ours = all_of(JaxEngine(model, SIZE), prompts, greedy)
    assert [one.token_ids for one in theirs] == [one.token_ids for one in ours]
    assert any(Tokenizer(FOLDER).eos_id in one.token_ids[:-1] for one in theirs)
    gaps = [
        np.abs(np.subtract(mine.logprobs, other.logprobs)) for mine, other in zip(ours, theirs, strict=True)
    ]
    worst = float(np.max(gaps))
    record_property("largest difference of log-probs, nats", worst)
    print(f"greedy: {np.size(gaps)} tokens, largest difference {worst:.2g} nats, mean {np.mean(gaps):.2g}")
    assert worst < CLOSE


def test_the_likeliest_tokens_are_those_of_the_engine_in_this_process(sglang, connect, model, prompts):
    greedy = Sampling(24, (), temperature=0.0, top_logprobs=5)
    theirs = all_of(connect(sglang.origin), prompts, greedy)
    ours = all_of(JaxEngine(model, SIZE), prompts, greedy)
    places = [
        place
        for mine, other in zip(ours, theirs, strict=True)
        for place in zip(mine.top_logprobs, other.top_logprobs, strict=True)
    ]
    assert len(places) == 24 * len(prompts)
    scores = np.array([[[score for _, score in told] for told in place] for place in places])
    assert scores.shape == (len(places), 2, 5)
    assert np.abs(scores[:, 0] - scores[:, 1]).max() < CLOSE
    # Which of two equally likely tokens comes first is chance.
    apart = np.diff(scores[:, 0], axis=1).max(axis=1) < -CLOSE
    tokens = np.array([[[token for token, _ in told] for told in place] for place in places])
    assert apart.sum() > 100
    np.testing.assert_array_equal(tokens[apart, 0, :4], tokens[apart, 1, :4])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_log_probs_of_what_it_samples_are_those_of_the_training_forward(
    temperature, sglang, connect, model, prompts
):
    completions = all_of(connect(sglang.origin), prompts[:4], Sampling(32, (), temperature, seed=3))
    gaps = [
        np.abs(forward(model, prompt, one, temperature) - one.logprobs)
        for prompt, one in zip(prompts, completions, strict=False)
    ]
    print(f"T={temperature}: {np.size(gaps)} tokens, largest difference {np.max(gaps):.2g} nats")
    assert np.max(gaps) < CLOSE


def test_a_stop_id_ends_a_completion_and_is_its_last_token(sglang, connect, prompts):
    stop = Tokenizer(FOLDER).eos_id
    (one,) = all_of(connect(sglang.origin), prompts[:1], Sampling(200, (stop,), temperature=0.0))
    assert (one.reason, one.token_ids[-1], len(one.token_ids)) == ("stop", stop, len(one.logprobs))


def test_what_cannot_be_met_is_an_error_of_its_kind(sglang, connect):
    engine = connect(sglang.origin, context=8192)
    for ids, sampling, error in (
        ([5] * 8190, Sampling(1, ()), ContextOverflow),  # it needs room that its context does not tell of
        ([5], Sampling(1, (), temperature=-1.0), BadSampling),
        ([10**6], Sampling(1, ()), BadSampling),
    ):
        with pytest.raises(error):
            all_of(engine, [ids], sampling)


def louder(model):
    """The weights of a model that is surer of what it says."""
    graph, params = split_model(model)
    params["final_norm"]["scale"] = params["final_norm"]["scale"] * 1.25
    return join_model(graph, params), params


def test_pushed_weights_are_those_it_samples_from_and_every_token_says_so(
    sglang, connect, model, prompts, tmp_path
):
    engine = connect(sglang.origin, folders=folders_in(tmp_path, FOLDER))
    greedy = Sampling(24, (), temperature=0.0)
    changed, params = louder(model)
    for version, (weights, of) in enumerate(((params, changed), (split_model(model)[1], model)), start=1):
        engine.push(weights, version)
        theirs = all_of(engine, prompts[:4], greedy)
        ours = all_of(JaxEngine(of, SIZE), prompts[:4], greedy)
        gaps = [np.abs(np.subtract(a.logprobs, b.logprobs)) for a, b in zip(ours, theirs, strict=True)]
        print(f"version {version}: largest difference {np.max(gaps):.2g} nats")
        assert [one.token_ids for one in theirs] == [one.token_ids for one in ours]
        assert {v for one in theirs for v in one.weight_versions} == {version}
        assert np.max(gaps) < CLOSE


def test_a_completion_under_way_is_paused_and_goes_on_with_the_new_weights(
    sglang, connect, model, prompts, tmp_path
):
    engine = connect(sglang.origin, folders=folders_in(tmp_path, FOLDER))
    engine.push(split_model(model)[1], 1)
    changed, params = louder(model)
    before = sglang.log.read_text(errors="replace").count("Decode batch")
    with in_thread(all_of, engine, prompts[:1], Sampling(200, (), seed=3)) as results:
        wait_for(lambda: sglang.log.read_text(errors="replace").count("Decode batch") > before + 20, 120)
        engine.push(params, 2)
    one = results[0][0]
    first = one.weight_versions.count(1)
    assert one.weight_versions == [1] * first + [2] * (200 - first)
    assert 0 < first < 200
    old, new = (np.abs(forward(of, prompts[0], one) - one.logprobs) for of in (model, changed))
    print(
        f"{first} tokens before, largest {old[:first].max():.2g} nats; {200 - first} after, {new[first:].max():.2g}"
    )
    assert max(old[:first].max(), new[first:].max()) < CLOSE
    assert min(old[first:].max(), new[:first].max()) > 10 * CLOSE


def test_a_caller_that_goes_away_ends_the_request_there(sglang, connect, prompts):
    engine = connect(sglang.origin)
    before = sglang.log.read_text(errors="replace").count("Decode batch")

    async def give_up():
        task = asyncio.create_task(engine.generate(prompts[0], Sampling(400, ())))
        while sglang.log.read_text(errors="replace").count("Decode batch") <= before + 2:
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(give_up())
    address = engine._fleet.members[0].server._address

    def idle():
        try:
            engine._background.run(address.post("/flush_cache", {}, 60.0))
            return True
        except Refusal:  # requests are being generated
            return False

    wait_for(idle, 60)


def test_a_server_that_stands_still_or_is_killed_leaves_its_requests_to_another(
    sglang, connect, model, prompts, tmp_path
):
    """The other is ours. Weights are pushed while SGLang stands still, and it takes them when it wakes."""
    greedy = Sampling(64, (), temperature=0.0)
    expected = all_of(JaxEngine(model, SIZE), prompts[:2], greedy)
    size = dataclasses.replace(SIZE, stop_ids=8)
    with serving_ours(FOLDER, size) as (address, _):
        urls = (sglang.origin, address)
        engine = connect(*urls, silence_s=5.0, folders=folders_in(tmp_path, FOLDER), update_s=30.0)
        engine.push(split_model(model)[1], 1)
        before = sglang.log.read_text(errors="replace").count("Decode batch")

        def writes():
            return sglang.log.read_text(errors="replace").count("Decode batch") > before

        with in_thread(all_of, engine, prompts[:2], greedy) as results:
            wait_for(writes, 60)
            sglang.signal(signal.SIGSTOP)
        assert [one.token_ids for one in results[0]] == [one.token_ids for one in expected]
        assert not engine._fleet.members[0].up
        engine.push(split_model(model)[1], 2)
        sglang.signal(signal.SIGCONT)
        wait_for(lambda: engine._fleet.members[0].up, 120)
        before = sglang.log.read_text(errors="replace").count("Decode batch")
        with in_thread(all_of, engine, prompts[:2], greedy) as results:
            wait_for(writes, 60)
            sglang.signal(signal.SIGKILL)
        assert [one.token_ids for one in results[0]] == [one.token_ids for one in expected]
        assert {v for one in results[0] for v in one.weight_versions} == {2}
