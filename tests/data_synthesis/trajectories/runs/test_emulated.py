import asyncio

import pytest
from small_servers import Answering, shop

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.records import Task
from data_synthesis.teacher.interface import TeacherError
from data_synthesis.trajectories.runs.emulated import EmulatedBackend, EmulatorSettings
from data_synthesis.trajectories.runs.failures import Injector

SERVER = shop()
TASK = Task(query="Give Ann her money back.", server_id=SERVER.id)
NEVER = Injector(0.0)


def call(name="refund", call_id="1", **arguments):
    return ParsedCall(call_id, name, arguments or {"order_id": "7"})


def backend(answer=lambda p: {"result": "fine"}, server=SERVER, injector=NEVER, **settings):
    teacher = Answering({"emulate_tool": answer})
    return EmulatedBackend(server, TASK, teacher, injector, EmulatorSettings(**settings)), teacher


def execute(tools, *turns):
    async def all_():
        return [await tools.execute(calls, turn) for turn, calls in enumerate(turns)]

    return asyncio.run(all_())


def test_it_remembers_everything_it_said_and_sees_the_calls_of_the_same_turn():
    tools, teacher = backend(lambda p: {"result": f"answer {len(p.variables['history'])}"})
    execute(tools, [call(order_id="1"), call(order_id="2")], [call(order_id="3")])
    histories = [prompt.variables["history"] for prompt in teacher.asked]
    assert [len(history) for history in histories] == [0, 1, 2]
    assert histories[2][1]["call"]["arguments"] == {"order_id": "2"}
    assert histories[2][1]["returned"]["result"] == "answer 1"


def test_the_same_call_again_is_asked_again_with_what_it_did_before():
    tools, teacher = backend(lambda p: {"result": f"{len(p.variables['history']) + 1} in the basket"})
    events = execute(tools, [call(), call()], [call()])
    assert [e.output for turn in events for e in turn] == [f"{n} in the basket" for n in (1, 2, 3)]
    assert len({prompt.key for prompt in teacher.asked}) == 3


def test_a_long_result_does_not_push_the_others_out_of_its_memory():
    long = {"result": "x" * 50_000}
    short = {"result": "ok"}
    tools, teacher = backend(lambda p: long if p.variables["call"]["arguments"]["order_id"] == "2" else short)
    execute(tools, [call(order_id="1"), call(order_id="2"), call(order_id="3")])
    history = teacher.asked[-1].variables["history"]
    assert [each["call"]["arguments"]["order_id"] for each in history] == ["1", "2"]
    assert "[cut: " in history[1]["returned"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string", "pattern": r"^(\w+\s?)+$"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
        {"type": "object", "properties": {"a": {"items": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#/properties/a"}] * 3}}},
        {"$id": "https://x.example/y", "type": "object", "properties": {"a": {"$id": "z", "$ref": "w"}}},
    ],
)
def test_schemas_that_nobody_can_check_hold_nobody_up(schema):
    tool = SERVER.tools[0].model_copy(update={"output_schema": schema, "parameters": schema})
    server = SERVER.model_copy(update={"tools": [tool, *SERVER.tools[1:]]})
    tools, _ = backend(lambda p: {"result": {"a": "word " * 12 + "!"}}, server=server)
    ((event,),) = execute(tools, [call(tool.name, a="word " * 12 + "!")])
    assert event.status == "ok"


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        (ParsedCall("1", "invented", {}), "unknown_tool"),
        (ParsedCall("1", "refund", None, "not JSON"), "bad_json"),
        (ParsedCall("1", "refund", {"order_id": 7}), "bad_arguments"),
        (ParsedCall("1", "refund", {}), "bad_arguments"),
    ],
)
def test_calls_that_no_tool_could_take_ask_nobody(bad, status):
    tools, teacher = backend(injector=Injector(1.0))
    ((event,),) = execute(tools, [bad])
    assert (event.status, event.injected, teacher.asked) == (status, None, [])


def test_parameters_that_an_open_schema_does_not_list_are_allowed():
    ((event,),) = execute(backend()[0], [call(order_id="7", note="x")])
    assert event.status == "ok"


def test_an_error_of_the_tool_is_one():
    tools, _ = backend(lambda p: {"is_error": True, "result": "no such order"})
    ((event,),) = execute(tools, [call()])
    assert (event.status, event.output) == ("tool_error", "no such order")


def test_a_call_that_failed_on_the_way_never_reached_the_tool_and_it_knows():
    class Once(Injector):
        def drawn(self, task_id, place):
            return "timeout" if place == 1 else None

    tools, teacher = backend(injector=Once())
    (failed, done) = execute(tools, [call()], [call()])
    assert (failed[0].status, failed[0].injected) == ("timeout", "timeout")
    assert done[0].status == "ok"
    assert teacher.asked[0].variables["history"] == [
        {"call": {"name": "refund", "arguments": {"order_id": "7"}}, "failed_to_arrive": True}
    ]


def typed():
    schema = {"type": "object", "properties": {"paid": {"type": "number"}}, "required": ["paid"]}
    tools = [tool.model_copy(update={"output_schema": schema}) for tool in SERVER.tools]
    return SERVER.model_copy(update={"tools": tools})


def test_a_result_that_is_not_as_documented_is_asked_for_again():
    def answers(prompt):
        return {"result": {"paid": "three"} if prompt.attempt == 0 else {"paid": 3}}

    tools, teacher = backend(answers, typed())
    ((event,),) = execute(tools, [call()])
    assert event.output == '{"paid": 3}'
    assert "not as the document says" in teacher.asked[1].feedback[0]


def test_without_a_result_nothing_is_made_up():
    with pytest.raises(TeacherError, match="emulator of refund"):
        execute(backend(lambda p: {"result": 1}, typed())[0], [call()])
    with pytest.raises(TeacherError):
        execute(EmulatedBackend(SERVER, TASK, Answering({}), NEVER), [call()])


def test_template_characters_in_results_stay_as_they_are():
    evil = "$history ${call} {folder} %s $"
    tools, teacher = backend(lambda p: {"result": evil})
    (first, _) = execute(tools, [call()], [call(order_id="8")])
    assert first[0].output == evil
    assert evil in teacher.asked[1].text()


def test_the_oldest_is_forgotten_where_there_is_no_room():
    tools, teacher = backend(lambda p: {"result": "x" * 100}, history_chars=450)
    execute(tools, *([call(order_id=str(i))] for i in range(6)))
    shown = teacher.asked[-1].variables["history"]
    assert [line["call"]["arguments"]["order_id"] for line in shown] == ["3", "4"]


def test_it_knows_the_users_wish_in_as_many_runs_as_it_is_told():
    tools, teacher = backend(wish_rate=1.0)
    execute(tools, [call()])
    assert teacher.asked[0].variables["wish"] == TASK.query
    tools, teacher = backend(wish_rate=0.0)
    execute(tools, [call()])
    assert teacher.asked[0].variables["wish"] is None


def test_a_partial_failure_did_its_work_and_the_others_never_arrived():
    class First:
        def __init__(self, kind):
            self.kind = kind

        def drawn(self, task_id, place):
            return self.kind if place == 1 else None

    for kind, remembered in (("partial", 1), ("server_error", 0)):
        tools, teacher = backend(lambda p: {"result": "paid back 3 euros"}, injector=First(kind))
        ((first,), _) = execute(tools, [call()], [call(order_id="8")])
        assert first.injected == kind
        assert ("paid" in first.output) is bool(remembered)
        (history,) = [p.variables["history"] for p in teacher.asked if p.variables["place"] == 2]
        assert ["returned" in each for each in history] == [bool(remembered)]
