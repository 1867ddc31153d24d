"""The oracle's conversations: layers of parallel calls, real outputs, honest questions, the final answer."""

from __future__ import annotations

import json

import pytest

from data_synthesis.arenas.episode import ArenaBackend
from data_synthesis.arenas.oracle import oracle_trajectory
from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.records import Arena, FollowUp, Trajectory


def shape(trajectory: Trajectory) -> list[str]:
    """Roles, and for assistant messages how many tools they call."""
    return [f"calls {len(m.tool_calls)}" if m.tool_calls else m.role for m in trajectory.messages]


def test_every_sound_arena_is_played_to_its_answer(good_arena, sandbox):
    trajectory = oracle_trajectory(good_arena, sandbox)
    messages = trajectory.messages
    assert (messages[0].role, messages[0].content) == ("user", good_arena.question)
    assert (messages[-1].role, messages[-1].content) == ("assistant", good_arena.final_answer)
    calls = {call.id: call for message in messages for call in message.tool_calls}
    outputs = {m.tool_call_id: m.content for m in messages if m.role == "tool"}
    assert calls.keys() == outputs.keys()
    assert len(calls) == len(good_arena.gold_calls)
    for gold in good_arena.gold_calls:
        call = calls[f"call_{gold.id}"]
        assert (call.name, call.arguments) == (gold.tool, gold.arguments)
        assert contains_answer(json.loads(outputs[call.id]), gold.expected)
    assert trajectory.provenance.parents == [good_arena.id]


def test_calls_of_a_layer_are_parallel_and_wait_for_their_parents(build, sandbox):
    trajectory = oracle_trajectory(build.multi_hop(), sandbox)
    assert shape(trajectory) == ["user", "calls 2", "tool", "tool", "calls 1", "tool", "assistant"]
    chained = build.multi_hop()
    chained.gold_calls[1].depends_on = [3]
    assert shape(oracle_trajectory(chained, sandbox)) == ["user", *["calls 1", "tool"] * 3, "assistant"]


def test_tools_are_those_of_an_episode_with_the_same_seed(build, sandbox):
    arena = build.multi_hop()
    for seed in range(3):
        assert (
            oracle_trajectory(arena, sandbox, seed=seed).tools
            == ArenaBackend(arena, sandbox, seed=seed).tools()
        )
    alone = oracle_trajectory(arena, sandbox, with_distractors=False)
    assert sorted(spec.name for spec in alone.tools) == ["owner_of", "phone_of"]
    assert oracle_trajectory(arena, sandbox) == oracle_trajectory(arena, sandbox)


def variant(arena: Arena, kind: str, content: str, reveals: tuple[str, ...] = ()) -> Arena:
    follow_up = FollowUp(content=content, reveals=list(reveals))
    return arena.model_copy(update={"variant": kind, "follow_ups": [follow_up]})


def test_a_missing_function_is_asked_for_after_what_can_be_done(build, sandbox):
    arena = variant(build.multi_hop(), "missing_function", "Here is one.", ("phone_of",))
    trajectory = oracle_trajectory(arena, sandbox)
    assert shape(trajectory) == [
        "user",
        "calls 2",
        "tool",
        "tool",
        "assistant",
        "user",
        "calls 1",
        "tool",
        "assistant",
    ]
    assert trajectory.messages[4].content == "None of my tools can answer this: q3?"
    assert trajectory.messages[5].content.startswith("Here is one.\n\nNew tools:\n<tools>\n")
    assert '"name": "phone_of"' in trajectory.messages[5].content
    assert "phone_of" not in [spec.name for spec in trajectory.tools]


def test_a_missing_parameter_is_asked_for_by_name(build, sandbox):
    arena = variant(build.multi_hop(), "missing_parameter", "The building is Old Mill.")
    arena.question = "Who owns the other one, and what is the number of the owner of the Red Gate?"
    trajectory = oracle_trajectory(arena, sandbox)
    expected = [
        "user",
        "calls 1",
        "tool",
        "calls 1",
        "tool",
        "assistant",
        "user",
        "calls 1",
        "tool",
        "assistant",
    ]
    assert shape(trajectory) == expected
    assert trajectory.messages[5].content == "Before I can go on, please tell me the building."
    assert trajectory.messages[6].content == "The building is Old Mill."


def test_when_the_missing_parameter_is_not_recognised_nothing_is_guessed(build, sandbox):
    arena = variant(build.multi_hop(), "missing_parameter", "You know which.")
    trajectory = oracle_trajectory(arena, sandbox)
    assert shape(trajectory)[:4] == ["user", "assistant", "user", "calls 2"]
    assert "leaves out a detail" in trajectory.messages[1].content


def test_an_arena_that_its_gold_calls_do_not_solve_makes_no_trajectory(build, sandbox):
    wrong = build.prices()
    wrong.gold_calls[0].expected = 1
    with pytest.raises(ValueError, match="do not solve it"):
        oracle_trajectory(wrong, sandbox)
    with pytest.raises(ValueError, match="no final answer"):
        oracle_trajectory(build.prices(final_answer=""), sandbox)
    circular = build.multi_hop()
    circular.gold_calls[0].depends_on = [3]
    with pytest.raises(ValueError, match=r"no way to reach gold calls \[1, 3\]"):
        oracle_trajectory(circular, sandbox)


def test_extra_calls_come_once_all_is_known_and_cost_only_precision(good_arena, sandbox):
    flawless = oracle_trajectory(good_arena, sandbox)
    trajectory = oracle_trajectory(good_arena, sandbox, extra_calls=1.0)
    known = len(flawless.messages) - 1
    assert trajectory.messages[:known] == flawless.messages[:known]
    assert trajectory.messages[-1] == flawless.messages[-1]
    extra = [call for message in trajectory.messages[known:] for call in message.tool_calls]
    assert [call.id for call in extra] == ["extra_1", "extra_2"]
    assert {call.name for call in extra} <= {spec.name for spec in trajectory.tools}
    assert shape(trajectory)[known:-1] == ["calls 1", "tool"] * 2
    assert trajectory == oracle_trajectory(good_arena, sandbox, extra_calls=1.0)
