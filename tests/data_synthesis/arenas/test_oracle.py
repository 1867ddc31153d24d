"""The oracle's conversations: layers of parallel calls, real outputs, honest questions, the final answer."""

from __future__ import annotations

import json

import pytest

from data_synthesis.arenas.episode import ArenaBackend
from data_synthesis.arenas.oracle import UnsolvedArena, oracle_trajectory
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
    with pytest.raises(UnsolvedArena, match="do not solve it"):
        oracle_trajectory(wrong, sandbox)
    with pytest.raises(UnsolvedArena, match="no final answer"):
        oracle_trajectory(build.prices(final_answer=""), sandbox)
    circular = build.multi_hop()
    circular.gold_calls[0].depends_on = [3]
    with pytest.raises(UnsolvedArena, match=r"no way to reach gold calls \[1, 3\]"):
        oracle_trajectory(circular, sandbox)


def test_a_double_check_repeats_the_last_call_before_the_answer(good_arena, sandbox):
    plain = oracle_trajectory(good_arena, sandbox)
    trajectory = oracle_trajectory(good_arena, sandbox, double_checks=1.0)
    *before, call, output, answer = trajectory.messages
    assert [*before, answer] == plain.messages
    last = [call for message in plain.messages for call in message.tool_calls][-1]
    assert [(c.id, c.name, c.arguments) for c in call.tool_calls] == [
        (f"{last.id}_again", last.name, last.arguments)
    ]
    assert (output.role, output.tool_call_id) == ("tool", f"{last.id}_again")
    assert output.content == plain.messages[-2].content


def test_how_often_a_call_is_double_checked_follows_the_seed(good_arena, sandbox):
    lengths = [
        [
            len(oracle_trajectory(good_arena, sandbox, seed=seed, double_checks=0.5).messages)
            for seed in range(20)
        ]
        for _ in range(2)
    ]
    assert lengths[0] == lengths[1]
    assert len(set(lengths[0])) == 2
