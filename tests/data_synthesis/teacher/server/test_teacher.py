"""Against a real HTTP server that behaves well, badly, late, or not at all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from scripted_server import Sum, endless, fails, late, question, says, torn

from data_synthesis.environments.asking import ask_until
from data_synthesis.pipeline import Rejected
from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.teacher.server import ServerSettings, ServerTeacher

GOOD = says('{"total": 1}')


def ask(teacher, *prompts):
    async def all_of():
        async with teacher:
            return await asyncio.gather(*(teacher.ask(prompt) for prompt in prompts))

    return asyncio.run(all_of())


def test_an_answer_is_asked_for_by_schema_and_validated(server, make_teacher):
    assert ask(make_teacher(GOOD), question(0)) == [Sum(total=1)]
    (body,) = server.bodies
    assert body["model"] == "small"
    assert body["messages"] == [{"role": "user", "content": "What is 1 + 0?"}]
    assert body["response_format"]["json_schema"] == {
        "name": "add",
        "schema": Sum.model_json_schema(),
        "strict": True,
    }


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (says('{"total": "many"}'), "`total`: Input should be a valid integer"),
        (says('{"total": 1, "more": 2}'), "`more`: Extra inputs are not permitted"),
        (says("The total is 1."), "Invalid JSON"),
        (says('{"total": ', finish="length"), "cut off after 8192 tokens"),
        (says(""), "empty"),
        (says(None), "empty"),
    ],
)
def test_what_was_wrong_is_said_and_asked_again(server, make_teacher, bad, said):
    teacher = make_teacher(bad, GOOD)
    assert ask(teacher, question(0)) == [Sum(total=1)]
    first, second = (body["messages"] for body in server.bodies)
    assert second[: len(first)] == first
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert said in second[-1]["content"]


@pytest.mark.parametrize(
    "answer",
    [
        says('<think>1 and 0, so 2? No: {"total": 3}</think>\n\n{"total": 1}'),
        says('{"total": 1}', reasoning_content="1 and 0"),
        says('```json\n{"total": 1}\n```'),
    ],
)
def test_thinking_and_fences_are_not_the_answer(make_teacher, answer):
    assert ask(make_teacher(answer), question(0)) == [Sum(total=1)]


def test_a_question_that_is_never_answered_well_is_given_up(server, make_teacher):
    with pytest.raises(TeacherError, match="add: no valid answer in 3: `total`: Field required"):
        ask(make_teacher(says("{}")), question(0))
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        fails(429, {"error": {"message": "slow down"}}, retry_after="0.01"),
        fails(503),
        fails(200, b"<html>It works!</html>"),
        torn,
    ],
)
def test_what_may_pass_is_waited_for(server, make_teacher, trouble):
    assert ask(make_teacher(trouble, trouble, GOOD), question(0)) == [Sum(total=1)]
    assert len(server.bodies) == 3
    assert all(len(body["messages"]) == 1 for body in server.bodies), "the model did nothing wrong"


@pytest.mark.parametrize("trouble", [late(60.0), endless])
def test_no_answer_within_the_deadline_is_an_answer_that_failed(make_teacher, trouble):
    start = time.monotonic()
    with pytest.raises(TeacherError, match=r"did not answer within 0.3 s, 2 times"):
        ask(make_teacher(trouble, deadline_s=0.3, patience=1), question(0))
    assert time.monotonic() - start < 10.0


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "no such key"), (404, "The model `small` does not exist.")],
)
def test_what_will_never_pass_ends_the_run(server, make_teacher, status, message):
    with pytest.raises(TeacherGone, match=message):
        ask(make_teacher(fails(status, {"error": {"message": message}})), question(0))
    assert len(server.bodies) == 1


def test_a_question_that_the_server_refuses_is_given_up_alone(server, make_teacher):
    with pytest.raises(TeacherError, match=r"400: .*too long"):
        ask(make_teacher(fails(400, {"error": {"message": "the prompt is too long"}})), question(0))
    assert len(server.bodies) == 1


def test_an_answer_is_kept_and_a_failure_is_not(server, make_teacher):
    with pytest.raises(TeacherError):
        ask(make_teacher(says("{}"), attempts=1), question(0))
    assert ask(make_teacher(GOOD, attempts=1), question(0)) == [Sum(total=1)]
    asked = len(server.bodies)
    assert ask(make_teacher(fails(500), attempts=1), question(0)) == [Sum(total=1)]
    assert len(server.bodies) == asked == 2
    assert ask(make_teacher(GOOD, attempts=1, temperature=0.1), question(0)) == [Sum(total=1)]
    assert len(server.bodies) == 3, "another temperature is another question"


def numbered(handler):
    """Another answer each time."""
    says(f'{{"total": {len(handler.server.bodies)}}}')(handler)


def test_a_question_that_is_repeated_gets_an_answer_each_and_keeps_it(server, make_teacher):
    repeats = [question(0, repeat=n) for n in range(4)]
    answers = ask(make_teacher(numbered, concurrency=1, most_concurrency=1), *repeats)
    assert answers == [Sum(total=n) for n in (1, 2, 3, 4)]
    assert len({body["messages"][0]["content"] for body in server.bodies}) == 1
    seeds = [body["seed"] for body in server.bodies]
    assert len(set(seeds)) == 4
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert ask(make_teacher(fails(500)), *reversed(repeats)) == answers[::-1]
    assert len(server.bodies) == 4


def test_the_seed_of_sampling_is_of_the_question_and_the_attempt(server, make_teacher, tmp_path):
    def seeds(folder: str) -> list[int]:
        server.bodies.clear()
        teacher = ServerTeacher(ServerSettings("small", (server.url,)), tmp_path / folder / "teacher.sqlite")
        for attempt in (0, 1):
            ask(teacher, replace(question(0), attempt=attempt))
        return [body["seed"] for body in server.bodies]

    make_teacher(GOOD)
    first, second = seeds("one")
    assert first != second
    assert seeds("other") == [first, second]


def test_equal_questions_at_once_are_asked_once(server, make_teacher):
    assert ask(make_teacher(numbered), *[question(0)] * 5) == [Sum(total=1)] * 5
    assert len(server.bodies) == 1


def test_equal_questions_at_once_fail_alike_and_can_be_asked_again(server, make_teacher):
    async def run():
        async with make_teacher(says("{}"), attempts=1) as teacher:
            failed = await asyncio.gather(
                *(teacher.ask(question(0)) for _ in range(2)), return_exceptions=True
            )
            server.script[:] = [GOOD]
            return failed, await teacher.ask(question(0))

    failed, again = asyncio.run(run())
    assert [str(error) for error in failed] == ["add: no valid answer in 1: `total`: Field required"] * 2
    assert (again, len(server.bodies)) == (Sum(total=1), 2)


@pytest.mark.parametrize("leaver", [0, 1])
def test_who_no_longer_waits_does_not_take_the_answer_from_others(server, make_teacher, leaver):
    async def run():
        async with make_teacher(late(0.3)) as teacher:
            both = [asyncio.create_task(teacher.ask(question(0))) for _ in range(2)]
            await requests(server, 1)
            both[leaver].cancel()
            return await asyncio.gather(*both, return_exceptions=True)

    answers = asyncio.run(run())
    assert answers[1 - leaver] == Sum(total=1)
    assert isinstance(answers[leaver], asyncio.CancelledError)
    assert len(server.bodies) == 1


def test_what_is_forgotten_is_asked_again_in_the_next_run(server, make_teacher):
    first = make_teacher(numbered, concurrency=1, most_concurrency=1)
    assert ask(first, question(0), question(1)) == [Sum(total=1), Sum(total=2)]
    first.forget(question(0))
    assert ask(make_teacher(numbered), question(0), question(1)) == [Sum(total=3), Sum(total=2)]


def test_a_judge_that_is_refused_by_rule_in_every_answer_is_asked_again_in_the_next_run(server, make_teacher):
    def odd(reply: Sum) -> str:
        return "" if reply.total % 2 else "the total is even"

    async def judged(teacher, decides: bool) -> None:
        async with teacher:
            with pytest.raises(Rejected):
                await ask_until(teacher, question(0), odd, attempts=2, reason="even", decides=decides)

    even = says('{"total": 2}')
    for decides, sent in ((False, 2), (False, 4), (True, 6), (True, 6)):
        asyncio.run(judged(make_teacher(even), decides))
        assert len(server.bodies) == sent


def test_a_question_that_nobody_waits_for_is_dropped_and_can_be_asked_again(server, make_teacher):
    async def run():
        async with make_teacher(late(60.0), GOOD, concurrency=1, most_concurrency=1) as teacher:
            lonely = asyncio.create_task(teacher.ask(question(0)))
            await requests(server, 1)
            lonely.cancel()
            await asyncio.wait([lonely])
            return await teacher.ask(question(0))

    assert asyncio.run(run()) == Sum(total=1)


async def requests(server, count: int) -> None:
    """Waits until so many have arrived."""
    async with asyncio.timeout(10):
        while len(server.bodies) < count:
            await asyncio.sleep(0.005)


def test_all_that_was_served_is_counted_and_paid(make_teacher):
    teacher = make_teacher(says("{}"), GOOD, input_price=1e6, output_price=2e6)

    async def run():
        async with teacher:
            await teacher.ask(question(0))
            return teacher.usage()

    counts = asyncio.run(run())["add"]
    assert (counts["requests"], counts["refused"]) == (2, 1)
    assert (counts["input_tokens"], counts["output_tokens"], counts["cost"]) == (20, 10, 40.0)


def test_a_spent_budget_ends_the_run_and_the_next_one_too(server, make_teacher):
    prices = {"input_price": 1e6, "budget": 15.0}
    assert ask(make_teacher(GOOD, **prices), question(0), question(1)) == [Sum(total=1)] * 2
    with pytest.raises(TeacherGone, match=r"the budget of 15 is spent \(20 by .*teacher.sqlite\)"):
        ask(make_teacher(GOOD, **prices), question(2))
    assert ask(make_teacher(GOOD, **prices), question(1)) == [Sum(total=1)], "what is kept costs nothing"
    assert ask(make_teacher(GOOD, **{**prices, "budget": 100.0}), question(2)) == [Sum(total=1)]


def run_until_gone(teacher, prompts) -> str:
    """As the pipeline does: the first that hears that the teacher is gone cancels all others."""

    async def run():
        async with teacher, asyncio.TaskGroup() as group:
            for prompt in prompts:
                group.create_task(teacher.ask(prompt))

    with pytest.raises(ExceptionGroup) as errors:
        asyncio.run(run())
    gone, *_ = errors.value.exceptions
    assert isinstance(gone, TeacherGone)
    return str(gone)


def test_what_is_in_flight_when_the_budget_is_spent_is_paid_and_kept(server, make_teacher):
    places = {"concurrency": 4, "most_concurrency": 4}
    slow = late(0.5)
    teacher = make_teacher(GOOD, slow, input_price=1e6, budget=5.0, **places)
    said = run_until_gone(teacher, map(question, range(40)))
    assert said.startswith("the budget of 5 is spent (10 by ")
    assert len(server.bodies) == 4, "what was in flight with the first, and nothing after it"
    assert teacher.usage()["add"]["requests"] == 4
    assert teacher.usage()["add"]["cost"] == 40.0
    assert ask(make_teacher(fails(500)), *map(question, range(4))) == [Sum(total=1)] * 4


def test_what_is_in_flight_when_the_budget_is_spent_has_its_deadline(server, make_teacher):
    teacher = make_teacher(GOOD, endless, input_price=1e6, budget=5.0, deadline_s=0.5, concurrency=2)
    assert "budget" in run_until_gone(teacher, map(question, range(9)))
    assert teacher.usage()["add"]["requests"] == 1


def test_nothing_is_sent_once_the_ledger_is_full(server, make_teacher):
    teacher = make_teacher(GOOD, late(0.3), concurrency=4, most_concurrency=4)
    teacher._ledger._db.execute("PRAGMA query_only = ON")  # stands for a disk that is full
    assert "cannot keep replies" in run_until_gone(teacher, map(question, range(40)))
    assert len(server.bodies) == 4


def greet(teacher):
    async def run():
        async with teacher:
            await teacher.greet()

    asyncio.run(run())


def test_a_server_is_greeted_before_it_is_asked(make_teacher):
    greet(make_teacher(GOOD))
    gone = "http://127.0.0.1:9/v1"
    with pytest.raises(TeacherGone, match=f"no server answers at {gone}"):
        greet(make_teacher(GOOD, base_urls=(gone,)))


def test_a_wrong_model_is_named_with_those_that_are_served(server, tmp_path):
    teacher = ServerTeacher(ServerSettings("large", (server.url,)), tmp_path / "teacher.sqlite")
    with pytest.raises(TeacherGone, match="does not serve 'large', only small"):
        greet(teacher)


def test_a_server_that_is_gone_is_left_for_one_that_answers(server, make_teacher):
    teacher = make_teacher(GOOD, base_urls=("http://127.0.0.1:9/v1", server.url))
    assert ask(teacher, *map(question, range(20))) == [Sum(total=1)] * 20
    assert len(server.bodies) == 20
