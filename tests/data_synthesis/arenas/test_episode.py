"""Every call of an episode is answered by one event, whatever the call, and is scored."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_synthesis.arenas.backend import InfrastructureFailure, ParsedCall
from data_synthesis.arenas.episode import ArenaBackend, follow_up_message
from data_synthesis.records import Arena, FollowUp, ToolEvent
from data_synthesis.sandbox import SandboxUnavailable

TEXT = {"type": "string"}

ODD = """
    import sys

    STATE = []

    def odd(do, size=0):
        if do == "raise":
            raise ValueError("no such thing: odd")
        if do == "hang":
            while True:
                pass
        if do == "flood":
            return "x" * size
        if do == "set":
            return {1, 2}
        if do == "surrogate":
            return "a\\ud800b"
        STATE.append(do)
        return {"seen": STATE, "é": None}
"""


def parsed(name: str, arguments: dict | None, problem: str = "", number: int = 0) -> ParsedCall:
    return ParsedCall(f"call_{number}", name, arguments, problem)


@pytest.fixture
def odd(build) -> Arena:
    return build.one_tool(ODD, "b", {"do": TEXT, "size": {"type": "integer", "default": 0}}, do="b")


def play(arena: Arena, sandbox, *calls: ParsedCall, **options) -> list[ToolEvent]:
    backend = ArenaBackend(arena, sandbox, seed=0, **options)
    try:
        return backend.execute(calls, turn=3)
    finally:
        backend.close()


def test_a_turn_of_parallel_calls_is_executed_in_order(odd, sandbox):
    calls = [parsed("odd", {"do": word}, number=i) for i, word in enumerate("abc")]
    events = play(odd, sandbox, *calls)
    assert [event.call_id for event in events] == ["call_0", "call_1", "call_2"]
    assert [event.output for event in events] == [
        '{"seen":["a"],"é":null}',
        '{"seen":["a","b"],"é":null}',
        '{"seen":["a","b","c"],"é":null}',
    ]
    assert {(event.turn, event.status) for event in events} == {(3, "ok")}


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        (parsed("odd", None, "no closing brace"), "bad_json", "no closing brace"),
        (parsed("", None), "bad_json", "not a valid tool call"),
        (parsed("even", {}), "unknown_tool", "there is no tool `even`; the tools are: odd"),
        (parsed("odd", {}), "bad_arguments", "`do` is required"),
        (parsed("odd", {"do": 3}), "bad_arguments", "must be a string"),
        (parsed("odd", {"do": "a", "why": 1}), "bad_arguments", "`why` is not a parameter"),
        (parsed("odd", {"do": "\ud800"}), "bad_arguments", "not Unicode"),
        (parsed("odd", {"do": "raise"}), "tool_error", "ValueError: no such thing: odd"),
        (parsed("odd", {"do": "set"}), "tool_error", "not JSON"),
        (parsed("odd", {"do": "surrogate"}), "tool_error", "not JSON"),
    ],
)
def test_a_call_that_fails_says_why_and_the_episode_goes_on(call, status, said, odd, sandbox):
    refused, fine = play(odd, sandbox, call, parsed("odd", {"do": "b"}))
    assert refused.status == status
    assert said in json.loads(refused.output)["error"]
    assert fine.status == "ok"


def test_a_breach_ends_the_tools_but_not_the_episode(odd, sandbox):
    backend = ArenaBackend(odd, sandbox, seed=0, call_deadline=0.2)
    first = backend.execute(
        [parsed("odd", {"do": "b"}), parsed("odd", {"do": "hang"}), parsed("odd", {"do": "c"})], 0
    )
    second = backend.execute([parsed("odd", {"do": "d"}), parsed("even", {})], 1)
    assert [event.status for event in first] == ["ok", "breach", "breach"]
    assert "stopped working" in json.loads(first[1].output)["error"]
    assert [event.status for event in second] == ["breach", "unknown_tool"]
    reward = backend.score()
    backend.close()
    backend.close()
    assert (reward.solved, reward.calls) == (1, 5)


def test_a_document_may_offer_what_the_function_does_not_take(build, sandbox):
    arena = build.one_tool("def f(a):\n    return a\n", 1, {"b": TEXT}, b="x")
    (event,) = play(arena, sandbox, parsed("f", {"b": "x"}))
    assert event.status == "bad_arguments"


def test_long_observations_are_cut_with_a_note(odd, sandbox):
    flood = parsed("odd", {"do": "flood", "size": 500})
    (event,) = play(odd, sandbox, flood, output_chars=100)
    assert event.status == "ok"
    assert event.output == '"' + "x" * 99 + "… [cut: 502 characters in all]"
    assert play(odd, sandbox, flood)[0].output == '"' + "x" * 500 + '"'


def test_the_order_of_tools_is_the_seeds(build, sandbox):
    arena = build.multi_hop()
    tools = [arena.distractors[0].model_copy(deep=True) for _ in range(8)]
    for i, tool in enumerate(tools):
        tool.spec.name = f"tool_{i}"
    arena = arena.model_copy(update={"distractors": tools})

    def order(seed: int, **options) -> list[str]:
        return [spec.name for spec in ArenaBackend(arena, sandbox, seed=seed, **options).tools()]

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(20)}) > 15
    assert sorted(order(3)) == sorted(["owner_of", "phone_of", *(f"tool_{i}" for i in range(8))])
    assert sorted(order(3, with_distractors=False)) == ["owner_of", "phone_of"]


def test_distractors_can_be_called_and_cost_precision(build, sandbox):
    arena = build.multi_hop()
    backend = ArenaBackend(arena, sandbox, seed=0)
    gold = [parsed(gold.tool, gold.arguments) for gold in arena.gold_calls]
    events = backend.execute([parsed("room_price", {"hotel": "Osk"}), *gold], 0)
    assert [event.status for event in events] == ["ok"] * 4
    assert backend.score().f1 == 6 / 7
    assert [event.gold_id for event in backend.events] == [None, 1, 2, 3]
    backend.close()


def test_withheld_tools_are_unknown_until_they_are_revealed(build, sandbox):
    reveal = FollowUp(content="Try this one.", reveals=["phone_of"])
    arena = build.multi_hop().model_copy(update={"follow_ups": [reveal], "variant": "missing_function"})
    backend = ArenaBackend(arena, sandbox, seed=0)
    call = parsed("phone_of", {"person": "Tam Ock"})
    assert "phone_of" not in [spec.name for spec in backend.tools()]
    (before,) = backend.execute([call], 0)
    assert before.status == "unknown_tool"
    assert "phone_of`; the tools" in before.output
    follow_up = backend.follow_up()
    assert follow_up == reveal
    assert [spec.name for spec in backend.revealed(reveal)] == ["phone_of"]
    assert "phone_of" in [spec.name for spec in backend.tools()]
    assert backend.follow_up() is None
    assert backend.execute([call], 1)[0].status == "ok"
    assert backend.score().solved == 1
    backend.close()


def test_a_follow_up_message_carries_the_revealed_documents(build):
    spec = build.multi_hop().tools[1].spec
    message = follow_up_message(FollowUp(content="Try this one."), [spec])
    text, documents = message.content.split("\n\nNew tools:\n<tools>\n")
    assert (message.role, text) == ("user", "Try this one.")
    assert json.loads(documents.removesuffix("\n</tools>")) == spec.openai()
    assert follow_up_message(FollowUp(content="It is Osk."), []).content == "It is Osk."


def test_two_tools_of_one_name_cannot_be_played(build, sandbox):
    arena = build.prices()
    with pytest.raises(ValueError, match="two tools named `room_price`"):
        ArenaBackend(arena.model_copy(update={"distractors": arena.tools}), sandbox, seed=0)


def test_a_failing_sandbox_is_never_the_agents_fault(build, sandbox):
    class Broken:
        def open(self, sources):
            raise SandboxUnavailable("no kernel")

    arena = build.prices()
    backend = ArenaBackend(arena, Broken(), seed=0)  # type: ignore[arg-type]
    assert backend.execute([parsed("nothing", {})], 0)[0].status == "unknown_tool"
    with pytest.raises(InfrastructureFailure, match="no kernel"):
        backend.execute([parsed("room_price", {"hotel": "Osk"})], 0)
    arena.tools[0].source = "def room_price(hotel):\n    return\nraise OSError"
    with pytest.raises(InfrastructureFailure, match="room_price"):
        play(arena, sandbox, parsed("room_price", {"hotel": "Osk"}))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), v, max_size=3),
)
CALLS = st.builds(
    ParsedCall,
    id=st.just("c"),
    name=st.sampled_from(["odd", "even"]) | st.text(st.characters(), max_size=4),
    arguments=st.none()
    | st.dictionaries(st.sampled_from(["do", "size"]) | st.text(max_size=3), ANYTHING, max_size=3),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(calls=st.lists(CALLS, max_size=4))
def test_whatever_a_model_writes_is_answered_and_can_be_stored(calls, odd, sandbox):
    events = play(odd, sandbox, *calls)
    assert len(events) == len(calls)
    for event in events:
        assert ToolEvent.model_validate_json(event.model_dump_json()).output == event.output


def deep(levels: int) -> dict:
    value: dict = {}
    for _ in range(levels):
        value = {"do": value}
    return value


@pytest.mark.parametrize("levels", [3, 63, 64, 65, 300, 5000])
def test_deep_arguments_are_refused(levels, odd, sandbox):
    (event,) = play(odd, sandbox, parsed("odd", deep(levels)))
    assert event.status == "bad_arguments"
    event.model_dump_json()
