"""Episodes over real arenas and the real sandbox; the engine is scripted, so that every ending is reached."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astra_jax.inference.episodes import EpisodeLimits, Job, Player, derived_seed
from astra_jax.inference.interface import Completion, ContextOverflow, Sampling
from astra_jax.tokens import FORMATS
from astra_jax.tokens.rows import tokenise
from data_synthesis.arenas import oracle_trajectory
from data_synthesis.arenas.episode import ArenaBackend
from data_synthesis.records import Arena, Episode
from data_synthesis.sandbox import ConfinementLevel, SandboxUnavailable

QWEN3 = FORMATS["qwen3"]
END = "<|im_end|>"
LIMITS = EpisodeLimits(max_turns=5, max_turn_tokens=120, max_tokens=700, deadline_s=20.0)
Reply = Callable[[int], str]  # turn -> what the model says, with or without its end of turn

# What a model can do in a turn that no oracle does.
MISBEHAVIOUR = {
    "words": f"I do not know.{END}",
    "nothing": END,
    "ramble": "and so on and " * 200,
    "unknown tool": f'<tool_call>\n{{"name": "no_such", "arguments": {{}}}}\n</tool_call>{END}',
    "bad json": f"<tool_call>\n{{name: 7\n</tool_call>{END}",
    "no object": f"<tool_call>[1]</tool_call>{END}",
    "open call": f'<tool_call>\n{{"name": {END}',
    "thought": f"<think>\n<tool_call>hm</tool_call>\n</think>\nyes{END}",
    "foreign": f"<|im_start|>user\n\u4f60\u597d \U0001f600 \x1f{END}",
}


@dataclass
class Scripted:
    """A `GenerationEngine` that says what it is told, cut where a real one would cut, and remembers all of it."""

    tokenizer: object
    reply: Reply
    context: int = 4096
    prompts: dict[str, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    said: dict[str, list[Completion]] = field(default_factory=lambda: defaultdict(list))
    asked: list[Sampling] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    async def generate(self, token_ids, sampling, *, session=""):
        if len(token_ids) >= self.context:
            raise ContextOverflow(f"{len(token_ids)} tokens")
        self.prompts[session].append(list(token_ids))
        self.asked.append(sampling)
        turn = len(self.said[session])
        text = await self.say(turn)
        ids = self.tokenizer.encode(text)[: min(sampling.max_tokens, self.context - len(token_ids))]
        stop = next((i for i, token in enumerate(ids) if token in sampling.stop_ids), None)
        ids = ids if stop is None else ids[: stop + 1]
        logprobs = [-0.25 - i - turn for i in range(len(ids))]
        self.said[session].append(
            Completion(ids, logprobs, "length" if stop is None else "stop", [10 + turn] * len(ids))
        )
        return self.said[session][-1]

    async def say(self, turn: int) -> str:
        return self.reply(turn)

    def release(self, session):
        self.released.append(session)


class Hanging(Scripted):
    async def say(self, turn):
        await asyncio.Event().wait()
        raise AssertionError


def player(small, sandbox, reply: Reply, *, engine=Scripted, context=4096, limits=LIMITS) -> Player:
    return Player(engine(small.tokenizer, reply, context), small.tokenizer, QWEN3, sandbox, limits)


def play(player: Player, arena: Arena, **how) -> Episode:
    episode = asyncio.run(player.play(arena, **({"seed": 1} | how)))
    check_tokens(player.engine, episode)
    return episode


def check_tokens(engine: Scripted, episode: Episode) -> None:
    """Token in, token out: what must hold of every episode, however it ended."""
    (session,) = set(engine.released)
    prompts, said = engine.prompts[session], engine.said[session]
    sampled = [[0] * len(prompts[0])] if prompts else [[]]
    for prompt, completion, following in zip(prompts, said, [*prompts[1:], episode.token_ids], strict=False):
        grown = prompt + completion.token_ids
        assert following[: len(grown)] == grown, "tokens are only ever appended"
        sampled.append([1] * len(completion.token_ids) + [0] * (len(following) - len(grown)))
    if prompts and len(said) == len(prompts):
        assert episode.loss_mask == [m for part in sampled for m in part]
        logprobs = [x for completion in said for x in completion.logprobs]
        assert [x for x, m in zip(episode.logprobs, episode.loss_mask, strict=True) if m] == logprobs
        assert all(x == 0.0 for x, m in zip(episode.logprobs, episode.loss_mask, strict=True) if not m)
        assert episode.prompt_length == len(prompts[0])
    turns = [[v for v, tokens in turn for _ in range(tokens)] for turn in episode.weight_versions]
    assert turns == [completion.weight_versions for completion in said]
    assert len(engine.released) == 1


def oracle(small, sandbox, arena, group=0) -> tuple[Reply, object]:
    """The oracle's turns as text, and its trajectory, for the order of tools that `group` is shown."""
    trajectory = oracle_trajectory(arena, sandbox, seed=derived_seed(arena.id, group))
    spans = QWEN3.render(trajectory.messages, trajectory.tools)
    turns = [span.text for span in spans if span.trainable]
    return turns.__getitem__, trajectory


@pytest.mark.parametrize("group", [0, 3])
def test_the_oracles_words_earn_everything_and_make_the_tokens_that_sft_trains_on(small, sandbox, group):
    assert {arena.variant for arena in small.arenas} == {"base", "missing_function", "missing_parameter"}
    for arena in small.arenas:
        reply, trajectory = oracle(small, sandbox, arena, group)
        episode = play(player(small, sandbox, reply), arena, group=group)
        assert episode.reward is not None
        assert (episode.reward.f1, episode.stop_reason) == (1.0, "finished")
        assert episode.tools == trajectory.tools
        row = tokenise(trajectory, small.tokenizer, QWEN3)
        assert episode.token_ids == row.ids[: len(episode.token_ids)]
        assert episode.loss_mask == row.loss_mask[: len(episode.token_ids)]
        assert small.tokenizer.decode(row.ids[len(episode.token_ids) :]) in ("", "\n")
        assert (episode.arena_id, episode.domain) == (arena.id, arena.domain)
        assert {event.gold_id for event in episode.events} == {gold.id for gold in arena.gold_calls}


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    number=st.integers(0, 8),
    turns=st.lists(st.sampled_from([*MISBEHAVIOUR, "oracle"]), min_size=1, max_size=6),
    context=st.sampled_from([150, 300, 4096]),
    budget=st.sampled_from([1, 90, 700]),
)
def test_whatever_is_sampled_is_recorded_as_it_was_and_scored(small, sandbox, number, turns, context, budget):
    arena = small.arenas[number]
    right, _ = oracle(small, sandbox, arena)

    def reply(turn):
        kind = turns[turn % len(turns)]
        try:
            return right(turn) if kind == "oracle" else MISBEHAVIOUR[kind]
        except IndexError:
            return END

    limits = EpisodeLimits(max_turns=5, max_turn_tokens=60, max_tokens=budget, deadline_s=60.0)
    player_ = player(small, sandbox, reply, context=context, limits=limits)
    episode = play(player_, arena)
    if not episode.weight_versions:
        assert (episode.reward, episode.stop_reason) == (None, "context")
        return
    assert episode.reward is not None
    assert episode.reward.calls == len(episode.events)
    assert len(episode.weight_versions) <= 5
    tokens = len(episode.token_ids) - episode.prompt_length
    assert sum(episode.loss_mask) <= budget
    assert all(asked.max_tokens <= 60 for asked in player_.engine.asked)
    cuts = {(asked.top_k, asked.top_p) for asked in player_.engine.asked}
    assert cuts == {(0, 1.0)}, "what is cut off is not in the log-probs that the trainer computes"
    if episode.stop_reason == "max_tokens" and len(player_.engine.said) == 1:
        last = next(iter(player_.engine.said.values()))[-1]
        assert tokens >= budget or len(last.token_ids) == player_.engine.asked[-1].max_tokens
    calls = [call for message in episode.messages for call in message.tool_calls]
    results = [message for message in episode.messages if message.role == "tool"]
    assert [call.id for call in calls] == [event.call_id for event in episode.events]
    assert [message.content for message in results] == [event.output for event in episode.events]
    assert Episode.model_validate_json(episode.model_dump_json()) == episode


def one_call(arena: Arena, **changes) -> str:
    gold = arena.gold_calls[0]
    call = {"name": gold.tool, "arguments": gold.arguments} | changes
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


@pytest.mark.parametrize(
    ("reply", "status", "says"),
    [
        (lambda arena: one_call(arena, name="no_such"), "unknown_tool", "there is no tool `no_such`"),
        (lambda arena: "<tool_call>{'a': 1}</tool_call>", "bad_json", "not valid JSON"),
        (lambda arena: one_call(arena, arguments={"nope": 1}), "bad_arguments", "was not called"),
    ],
    ids=["unknown tool", "bad json", "bad arguments"],
)
def test_a_call_that_cannot_be_made_is_answered_and_costs(small, sandbox, reply, status, says):
    arena = small.arenas[0]
    episode = play(player(small, sandbox, lambda turn: [reply(arena) + END, "Sorry." + END][turn]), arena)
    (event,) = episode.events
    assert (event.status, episode.stop_reason) == (status, "finished")
    assert says in event.output
    assert episode.reward is not None
    assert (episode.reward.calls, episode.reward.f1) == (1, 0.0)
    assert small.tokenizer.decode(episode.token_ids).count("<tool_response>") == 1


def test_an_agent_that_never_stops_is_stopped(small, sandbox):
    arena = small.arenas[0]
    episode = play(player(small, sandbox, lambda turn: one_call(arena) + END), arena)
    assert (episode.stop_reason, len(episode.weight_versions)) == ("max_turns", LIMITS.max_turns)
    assert episode.reward is not None
    assert (episode.reward.calls, episode.reward.solved) == (LIMITS.max_turns, 1)


def test_a_turn_that_is_cut_off_is_trained_on_and_not_acted_upon(small, sandbox):
    arena = small.arenas[0]
    text = one_call(arena) + " and then" * 200
    episode = play(player(small, sandbox, lambda turn: text), arena)
    assert (episode.stop_reason, episode.events) == ("max_tokens", [])
    assert episode.reward is not None
    assert episode.reward.calls == 0
    assert sum(episode.loss_mask) == LIMITS.max_turn_tokens


def test_the_token_limit_counts_observations_and_is_never_exceeded_by_a_sample(small, sandbox):
    arena = small.arenas[0]
    said = one_call(arena) + END
    length = len(small.tokenizer.encode(said))
    for budget in (length, length + 1):  # the answer to the first call then leaves nothing
        limits = EpisodeLimits(max_turns=5, max_turn_tokens=120, max_tokens=budget)
        episode = play(player(small, sandbox, lambda turn: said, limits=limits), arena)
        assert (episode.stop_reason, len(episode.weight_versions)) == ("max_tokens", 1)
        assert episode.reward is not None
        assert episode.reward.solved == 1


def test_a_full_context_ends_an_episode_with_what_it_earned(small, sandbox):
    arena = small.arenas[0]
    said = one_call(arena) + END
    roomy = play(player(small, sandbox, lambda turn: said), arena)
    first_prompt, call = roomy.prompt_length, len(small.tokenizer.encode(said))
    overflows = play(player(small, sandbox, lambda turn: said, context=first_prompt + call + 1), arena)
    cut = play(player(small, sandbox, lambda turn: said, context=first_prompt + call - 1), arena)
    assert [episode.stop_reason for episode in (overflows, cut)] == ["context", "context"]
    assert overflows.reward is not None
    assert overflows.reward.solved == 1
    assert cut.reward is not None
    assert cut.reward.calls == 0


def test_a_prompt_that_does_not_fit_is_unknown_and_not_worth_nothing(small, sandbox):
    episode = play(player(small, sandbox, lambda turn: END, context=20), small.arenas[0])
    assert (episode.reward, episode.stop_reason, episode.weight_versions) == (None, "context", [])


@pytest.mark.parametrize(("less", "reason"), [(0, "finished"), (1, "context")])
def test_a_prompt_beyond_its_budget_is_unknown_too(small, sandbox, less, reason):
    fits = play(player(small, sandbox, lambda turn: END), small.arenas[0])
    limits = replace(LIMITS, max_prompt_tokens=fits.prompt_length - less)
    episode = play(player(small, sandbox, lambda turn: END, limits=limits), small.arenas[0])
    assert episode.stop_reason == reason
    assert (episode.reward is None) == (reason == "context")


def test_an_engine_that_hangs_meets_the_deadline(small, sandbox):
    limits = EpisodeLimits(deadline_s=0.1)
    hanging = player(small, sandbox, lambda turn: END, engine=Hanging, limits=limits)
    start = time.monotonic()
    episode = play(hanging, small.arenas[0])
    assert time.monotonic() - start < 10
    assert (episode.reward, episode.stop_reason) == (None, "deadline")


def test_an_episode_that_waits_for_a_place_does_not_age(small, sandbox):
    class OneSlot(Scripted):
        playing, most, slot = 0, 0, asyncio.Lock()

        async def say(self, turn):
            self.playing += 1
            self.most = max(self.most, self.playing)
            async with self.slot:
                await asyncio.sleep(0.2)
            self.playing -= 1
            return END

    limits = EpisodeLimits(deadline_s=4.0)  # enough for three in play, with room for a busy machine
    slow = replace(player(small, sandbox, lambda turn: END, engine=OneSlot, limits=limits), at_once=3)
    jobs = [Job(small.arenas[n % 2], seed=n, sample=n) for n in range(24)]
    assert limits.deadline_s < len(jobs) * 0.2
    ended = []
    episodes = asyncio.run(slow.play_all(jobs, on_end=lambda: ended.append(1)))
    assert all(episode.reward is not None for episode in episodes)
    assert [(e.arena_id, e.seed, e.sample) for e in episodes] == [
        (j.arena.id, j.seed, j.sample) for j in jobs
    ]
    assert (slow.engine.most, len(ended)) == (3, len(jobs))


def test_however_many_tools_hang_each_other_episode_goes_on(small, sandbox, monkeypatch):
    """More than threads that asyncio has by itself: the last one to be asked lets all others go."""
    count = 40
    together = threading.Barrier(count, timeout=60)
    execute = ArenaBackend.execute

    def waiting(backend, calls, turn):
        together.wait()
        return execute(backend, calls, turn)

    monkeypatch.setattr(ArenaBackend, "execute", waiting)
    arena = small.arenas[0]
    asking = player(small, sandbox, lambda turn: [one_call(arena) + END, "Done." + END][turn])
    jobs = [Job(arena, seed=n, sample=n) for n in range(count)]
    episodes = asyncio.run(replace(asking, at_once=count).play_all(jobs))
    assert {episode.stop_reason for episode in episodes} == {"finished"}


def test_a_cancelled_episode_releases_what_it_holds(small, sandbox):
    hanging = player(small, sandbox, lambda turn: END, engine=Hanging)

    async def cancel():
        task = asyncio.create_task(hanging.play(small.arenas[0], seed=1))
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert len(hanging.engine.released) == 1


class Failing:
    """A sandbox that fails where it is told to, or holds a call up until it is let go."""

    level = ConfinementLevel.NONE

    def __init__(self, fails_in: str = "", slow_in: str = ""):
        self.fails_in, self.slow_in = fails_in, slow_in
        self.opened, self.closed = 0, 0
        self.reached, self.let_go = threading.Event(), threading.Event()

    def open(self, sources):
        self._meet("open")
        self.opened += 1
        return self

    def call(self, name, arguments, deadline=2.0):
        self._meet("call")
        return {}

    def close(self):
        self.closed += 1

    def _meet(self, where):
        if where == self.slow_in:
            self.reached.set()
            self.let_go.wait(60)
        if where == self.fails_in:
            raise SandboxUnavailable("no room")


@pytest.mark.parametrize("where", ["open", "call"])
def test_a_sandbox_that_fails_makes_the_episode_unknown_and_never_zero(small, where):
    arena = small.arenas[0]
    episode = play(player(small, Failing(fails_in=where), lambda turn: one_call(arena) + END), arena)
    assert (episode.reward, episode.stop_reason) == (None, "infrastructure")
    assert len(episode.weight_versions) == 1


class FailingAtFirst(Failing):
    """Its first call fails."""

    def call(self, name, arguments, deadline=2.0):
        if self.opened == 1:
            raise SandboxUnavailable("no room")
        return 7


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_an_episode_whose_sandbox_failed_is_played_again_from_its_start(small, retries):
    arena, box = small.arenas[0], FailingAtFirst()
    limits = replace(LIMITS, retries=retries)
    again = player(small, box, lambda turn: one_call(arena) + END if turn < 2 else END, limits=limits)
    episode = asyncio.run(again.play(arena, seed=1))
    assert box.opened == box.closed == (2 if retries else 1)
    assert (episode.reward is None) == (retries == 0)
    assert len(episode.weight_versions) == (2 if retries else 1), "nothing is left of the first attempt"


@pytest.mark.parametrize("where", ["open", "call"])
def test_a_tool_that_hangs_past_the_deadline_holds_up_nobody_and_is_closed(small, where):
    arena, box = small.arenas[0], Failing(slow_in=where)
    limits = EpisodeLimits(deadline_s=0.2)
    slow = player(small, box, lambda turn: one_call(arena) + END, limits=limits)

    async def run():
        task = asyncio.create_task(slow.play(arena, seed=1))
        await asyncio.to_thread(box.reached.wait, 10)
        ticks = 0
        while not task.done() and ticks < 1000:
            await asyncio.sleep(0.01)
            ticks += 1
        box.let_go.set()
        return await task, ticks

    episode, ticks = asyncio.run(run())  # waits for the threads of tools too
    assert (episode.reward, episode.stop_reason) == (None, "deadline")
    assert 1 < ticks < 1000, "the event loop went on, and the episode did not wait for the tool"
    assert box.opened == 1
    assert box.closed >= 1


def test_the_samples_of_a_group_see_one_prompt_and_other_groups_another_order(small, sandbox):
    arena = max(small.arenas, key=lambda arena: len(arena.tools) + len(arena.distractors))
    assert len(arena.tools) + len(arena.distractors) > 1

    def prompt(group, sample):
        episode = play(
            player(small, sandbox, lambda turn: END), arena, group=group, sample=sample, seed=sample
        )
        return tuple(episode.token_ids[: episode.prompt_length])

    assert len({prompt(0, sample) for sample in range(3)}) == 1
    assert len({prompt(group, 0) for group in range(8)}) > 1


def test_seeds_are_bits_of_their_parts():
    seeds = {derived_seed(*parts) for parts in [(1, 2), (12,), (1, 2, 0), ("1", 2), (2, 1), (1, -2)]}
    assert len(seeds) == 5, "(1, 2) and ('1', 2) are the same text"
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert derived_seed("arena", 7) == 255493017
