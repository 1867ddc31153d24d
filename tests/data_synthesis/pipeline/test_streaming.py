"""Several stages at once: nobody waits for the slowest, and the files do not show who was faster."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_synthesis.pipeline import PipelineError, Policy, Rejected, Stage, run_stages
from data_synthesis.records import Provenance, Question, Record, ToolServer, read_records
from data_synthesis.teacher.interface import TeacherError, TeacherGone
from data_synthesis.teacher.turn import TURN

FAST = Policy(concurrency=3, deadline=5.0, backoff=0.0)


def ask(*texts: str) -> list[Question]:
    return [Question(question=text) for text in texts]


async def echo(question: Question) -> list[Record]:
    return [question]


def stage_of(name: str, run=echo, **options) -> Stage[Question]:
    return Stage(name, Question, run, **options)


def run(stages, inputs, out, policy=FAST):
    return asyncio.run(run_stages(stages, inputs, out, policy=policy))


def results(out: Path) -> dict[str, bytes]:
    files = (path for path in out.glob("*.jsonl") if not path.name.endswith(".journal.jsonl"))
    return {path.name: path.read_bytes() for path in files}


def test_a_record_goes_on_while_another_has_not_left_the_first_stage(tmp_path):
    at_the_end = asyncio.Event()

    async def first(question: Question) -> list[Record]:
        if question.question == "slow":
            await at_the_end.wait()
        return [question]

    async def last(question: Question) -> list[Record]:
        if question.question == "fast":
            at_the_end.set()
        return [question]

    funnel = run([stage_of("first", first), stage_of("last", last)], ask("slow", "fast"), tmp_path)
    assert funnel.outputs == 2


def test_inputs_are_read_as_they_are_needed_and_outputs_go_before_them(tmp_path):
    taken, left = 0, 0
    most_open, at_work, most_at_work = 0, 0, 0

    def inputs():
        nonlocal taken
        for i in range(200):
            taken += 1
            yield Question(question=str(i))

    async def fan_out(question: Question) -> list[Record]:
        return ask(*(f"{question.question}.{i}" for i in range(5)))

    async def finish(question: Question) -> list[Record]:
        nonlocal left, most_open, at_work, most_at_work
        at_work += 1
        most_at_work = max(most_at_work, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        left += 1
        most_open = max(most_open, taken - left // 5)
        return []

    run([stage_of("fan", fan_out), stage_of("finish", finish)], inputs(), tmp_path)
    assert left == 1000
    assert most_at_work == FAST.concurrency
    assert most_open <= 2 * FAST.concurrency


@st.composite
def families(draw):
    """Inputs with how long each takes and what it becomes: names that others may become too."""
    count = draw(st.integers(1, 12))
    names = st.sampled_from("abcdef")
    children = st.lists(st.tuples(names, st.integers(0, 3)), max_size=3)
    return [(draw(st.integers(0, 3)), draw(children)) for _ in range(count)]


def family_stages(tries: Counter):
    """`born` gives one input's children, each with its parent in its provenance; `raised` works on them."""

    async def born(question: Question) -> list[Record]:
        delay, children = question.model_extra["family"]  # type: ignore[index]
        await asyncio.sleep(0.0005 * delay)
        origin = Provenance(parents=[question.id])
        return [Question(question=name, provenance=origin) for name, _ in children]

    async def raised(question: Question) -> list[Record]:
        tries[question.question, question.provenance.parents[0]] += 1
        await asyncio.sleep(0.0005 * (ord(question.question) % 3))
        if question.question == "f":
            raise Rejected("unlucky", str(question.provenance.parents))
        return [question]

    return [stage_of("born", born), stage_of("raised", raised), stage_of("grown")]


@given(family=families(), concurrency=st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_of_equal_records_the_first_in_input_order_counts_whoever_is_faster(
    tmp_path_factory, family, concurrency
):
    inputs = [Question(question=str(i), family=f) for i, f in enumerate(family)]  # type: ignore[call-arg]
    one, many = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("many")
    tries: Counter = Counter()
    run(family_stages(Counter()), inputs, one, Policy(concurrency=1))
    funnel = run(family_stages(tries), inputs, many, Policy(concurrency=concurrency))
    assert results(many) == results(one)
    assert funnel.stages[1].inputs == sum(len(children) for _, children in family)
    assert max(tries.values(), default=1) == 1
    tries.clear()
    run(family_stages(tries), inputs, many, Policy(concurrency=concurrency))
    assert not tries
    assert results(many) == results(one)


def test_the_same_record_in_flight_twice_is_worked_on_once(tmp_path):
    tried = 0

    async def same(question: Question) -> list[Record]:
        return ask("the same")

    async def slow(question: Question) -> list[Record]:
        nonlocal tried
        tried += 1
        await asyncio.sleep(0.01)
        return [question]

    funnel = run([stage_of("same", same), stage_of("slow", slow)], ask("a", "b", "c"), tmp_path)
    assert tried == 1
    assert funnel.stages[1].rejected == {"duplicate_input": 2}
    assert funnel.outputs == 1


def test_nobody_to_ask_ends_the_run_and_what_was_settled_is_kept(tmp_path):
    tried: list[str] = []
    gone, cancelled = True, 0

    async def last(question: Question) -> list[Record]:
        nonlocal cancelled
        tried.append(question.question)
        if gone and question.question == "c":
            raise TeacherGone("no server answers; start one")
        if gone and question.question == "b":
            try:
                await asyncio.sleep(60)
            finally:
                cancelled += 1
        return [question]

    stages = [stage_of("first"), stage_of("last", last)]
    with pytest.raises(PipelineError, match="no server answers; start one"):
        run(stages, ask("a", "b", "c", "d"), tmp_path)
    assert cancelled == 1
    assert results(tmp_path) == {}
    tried.clear()
    gone = False
    assert run(stages, ask("a", "b", "c", "d"), tmp_path).outputs == 4
    assert tried == ["b", "c", "d"]


def test_what_failed_is_tried_again_and_then_goes_all_the_way(tmp_path):
    tried: Counter[str] = Counter()
    broken = True

    async def middle(question: Question) -> list[Record]:
        tried["middle " + question.question] += 1
        if broken and question.question == "b":
            raise TeacherError("no reply")
        return [question]

    async def last(question: Question) -> list[Record]:
        tried["last " + question.question] += 1
        return [question]

    stages = [stage_of("first"), stage_of("middle", middle), stage_of("last", last)]
    once = Policy(concurrency=3, failures={TeacherError: FAST.failures[TimeoutError]})
    assert run(stages, ask("a", "b"), tmp_path, once).outputs == 1
    broken = False
    tried.clear()
    assert run(stages, ask("a", "b"), tmp_path, once).outputs == 2
    assert tried == {"middle b": 1, "last b": 1}


def test_an_output_that_the_next_stage_cannot_take_fails_there_alone(tmp_path):
    async def odd(question: Question) -> list[Record]:
        return [question if question.question == "a" else ToolServer(title="b", tools=[])]

    stages = [stage_of("odd", odd), stage_of("next")]
    for _ in range(2):  # the second time from the journal
        funnel = run(stages, ask("a", "b"), tmp_path)
        assert funnel.stages[1].failed == {"bad_record": 1}
        assert funnel.outputs == 1
        assert (
            "field `question`: Field required (not a Question)"
            in (tmp_path / "next.rejects.jsonl").read_text()
        )


def test_a_record_that_cannot_be_written_down_fails_alone(tmp_path):
    async def garbled(question: Question) -> list[Record]:
        if question.question == "raise":
            raise Rejected("garbled", "\ud800")
        return (
            [question.model_copy(update={"question": "\ud800"})] if question.question == "bad" else [question]
        )

    funnel = run([stage_of("garble", garbled), stage_of("next")], ask("bad", "raise", "good"), tmp_path)
    assert funnel.stages[0].failed == {"unexpected_error": 1}
    assert funnel.stages[0].rejected == {"garbled": 1}
    assert funnel.outputs == 1


def test_a_stage_that_is_not_remembered_decides_anew(tmp_path):
    asked: list[str] = []

    def cut(longest: int) -> Stage[Question]:
        async def short(question: Question) -> list[Record]:
            asked.append(question.question)
            if len(question.question) > longest:
                raise Rejected("too_long")
            return [question]

        return stage_of("cut", short, settings={"longest": longest}, remembered=False)

    counts = [run([stage_of("first"), cut(n)], ask("a", "bb", "ccc"), tmp_path).outputs for n in (1, 2)]
    assert counts == [1, 2]
    assert asked == ["a", "bb", "ccc"] * 2


def test_a_second_group_of_stages_begins_from_the_files_of_the_first(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    stages = [stage_of("first"), stage_of("second"), stage_of("third")]
    run(stages, ask("a", "b"), whole)
    run(stages[:1], ask("a", "b"), parts)
    run(stages[1:], read_records(parts / "first.jsonl", Question), parts)
    assert results(parts) == results(whole)
    run(stages, ask("a", "b"), parts)
    assert results(parts) == results(whole)


def test_outputs_have_the_turn_of_the_input_they_come_from(tmp_path):
    turns: dict[str, int] = {}

    async def twins(question: Question) -> list[Record]:
        return ask(question.question + "1", question.question + "2")

    async def note(question: Question) -> list[Record]:
        turns[question.question] = TURN.get()
        return []

    run([stage_of("twins", twins), stage_of("note", note)], ask("a", "b", "c"), tmp_path)
    assert turns == {"a1": 0, "a2": 0, "b1": 1, "b2": 1, "c1": 2, "c2": 2}
