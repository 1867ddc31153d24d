"""Records know their content, keep what they do not know, and say where a bad line is bad."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from data_synthesis.records import (
    SCHEMA_VERSION,
    Arena,
    BadRecord,
    Decomposition,
    DecompositionScores,
    Episode,
    Message,
    Provenance,
    Question,
    Record,
    ServerTool,
    Task,
    ToolCall,
    ToolServer,
    ToolSpec,
    Trajectory,
    VerificationReport,
    content_hash,
    read_records,
    write_records,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
)
PROVENANCE = st.builds(
    Provenance,
    parents=st.lists(st.text(max_size=4), max_size=2),
    teacher=st.none() | st.text(max_size=5),
    seed=st.none() | st.integers(),
)
SPECS = st.builds(
    ToolSpec,
    name=st.text(min_size=1, max_size=6),
    description=st.text(max_size=8),
    parameters=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
TASKS = st.builds(
    Task,
    query=st.text(min_size=1, max_size=20),
    target_tools=st.lists(st.text(max_size=5), max_size=3),
    scores=st.dictionaries(st.text(max_size=5), st.none() | st.floats(0, 1), max_size=3),
    provenance=PROVENANCE,
)
SERVER_TOOLS = st.builds(
    lambda spec, output: ServerTool(**spec.model_dump(), output_schema=output),
    SPECS,
    st.none() | st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
SERVERS = st.builds(
    ToolServer, title=st.text(max_size=9), tools=st.lists(SERVER_TOOLS, max_size=3), provenance=PROVENANCE
)
ARENAS = st.builds(
    lambda question, specs, answers: Arena.model_validate(
        {
            "question": question,
            "tools": [{"spec": spec, "source": "def f(): pass"} for spec in specs],
            "gold_calls": [{"id": i, "tool": "f", "expected": answer} for i, answer in enumerate(answers, 1)],
        }
    ),
    st.text(min_size=1, max_size=20),
    st.lists(SPECS, min_size=1, max_size=3),
    st.lists(JSON, min_size=1, max_size=3),
)
RECORDS = st.one_of(TASKS, SERVERS, ARENAS)


@given(st.lists(RECORDS, max_size=4))
def test_records_survive_a_file(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "some" / "records.jsonl"
    assert write_records(path, records) == len(records)
    kinds = [type(record) for record in records]
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    assert [kind.model_validate_json(line) for kind, line in zip(kinds, lines, strict=True)] == records
    assert not list(path.parent.glob("*.partial"))


@given(st.lists(TASKS, max_size=4))
def test_a_file_of_one_kind_is_read_in_order(tmp_path_factory, tasks):
    path = tmp_path_factory.mktemp("records") / "tasks.jsonl"
    write_records(path, tasks)
    assert list(read_records(path, Task)) == tasks


@given(RECORDS, PROVENANCE)
def test_the_id_is_the_hash_of_the_content_alone(record: Record, provenance):
    assert record.id == record.content_id()
    fields = record.model_dump(exclude={"id"})
    elsewhere = type(record).model_validate(
        {**fields, "provenance": provenance, "schema_version": SCHEMA_VERSION + 1}
    )
    assert elsewhere.id == record.id
    assert type(record).model_validate(dict(reversed(fields.items()))).id == record.id


@given(TASKS, st.text(min_size=1))
def test_other_content_has_another_id(task, more):
    changed = Task.model_validate({**task.model_dump(exclude={"id"}), "query": task.query + more})
    assert changed.id != task.id


def test_a_verification_report_does_not_change_which_arena_it_is():
    fields = {"question": "q", "tools": [{"spec": {"name": "f"}, "source": ""}]}
    fields["gold_calls"] = [{"id": 1, "tool": "f", "expected": 1}]
    proved = Arena.model_validate({**fields, "verification": VerificationReport(passed=True)})
    assert proved.id == Arena.model_validate(fields).id


@given(JSON, JSON)
def test_a_hash_is_of_the_value_and_not_of_its_spelling(one, other):
    assert content_hash({"a": one, "b": other}) == content_hash(
        {"b": other, "a": json.loads(json.dumps(one))}
    )
    assert (content_hash(one) == content_hash(other)) == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@given(st.dictionaries(st.text("xyz", min_size=3, max_size=6), JSON, min_size=1, max_size=3))
def test_unknown_fields_are_kept_at_every_depth(unknown):
    call = {"id": "c", "name": "f", "arguments": {}, **unknown}
    line = {
        "messages": [{"role": "assistant", "tool_calls": [call], **unknown}],
        "tools": [{"name": "f", **unknown}],
        **unknown,
    }
    kept = json.loads(Trajectory.model_validate(line).model_dump_json())
    for part in (kept, kept["messages"][0], kept["messages"][0]["tool_calls"][0], kept["tools"][0]):
        assert {name: part[name] for name in unknown} == unknown


BAD_LINES = [
    (b'{"query": ', "", "is not JSON"),
    (b"\xffabc", "", "is not UTF-8"),
    (b'{"query": "q", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "", "nested too deeply"),
    (b'{"query": "q", "x": ' + b"9" * 5000 + b"}", "", "4300 digits"),
    (b"[1, 2]", "", "not a Task"),
    (b"{}", "query", "Field required"),
    (b'{"query": 3}', "query", "valid string"),
    (b'{"query": "q", "target_tools": ["a", 4]}', "target_tools.1", "valid string"),
    (b'{"query": "q", "scores": {"depth": "high"}}', "scores.depth", "valid number"),
    (b'{"query": "q", "provenance": {"seed": "x"}}', "provenance.seed", "valid integer"),
]


@pytest.mark.parametrize(("line", "field", "problem"), BAD_LINES)
def test_a_bad_line_is_named_by_file_line_and_field(line, field, problem, tmp_path):
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"query": "fine"}\n\n' + line + b'\n{"query": "fine too"}\n')
    with pytest.raises(BadRecord) as raised:
        list(read_records(path, Task))
    bad = raised.value
    assert (bad.path, bad.line, bad.field) == (path, 3, field)
    assert str(bad).startswith(f"{path}:3: field `{field}`: " if field else f"{path}:3: ")
    assert problem in str(bad)
    rejects: list[BadRecord] = []
    assert [task.query for task in read_records(path, Task, rejects=rejects)] == ["fine", "fine too"]
    assert [str(reject) for reject in rejects] == [str(bad)]


def test_a_missing_file_says_which(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jsonl"):
        list(read_records(tmp_path / "nowhere.jsonl", Task))


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "tasks.jsonl"
    write_records(path, [Task(query="old")])

    def failing():
        yield Task(query="new")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_records(path, failing())
    assert [task.query for task in read_records(path, Task)] == ["old"]


def test_call_ids_of_a_trajectory_are_unique():
    call = ToolCall(id="c", name="f")
    with pytest.raises(ValidationError, match="not unique"):
        Trajectory(
            messages=[
                Message(role="assistant", tool_calls=[call]),
                Message(role="assistant", tool_calls=[call]),
            ],
            tools=[],
        )


def test_tokens_masks_and_logprobs_of_an_episode_have_one_length():
    Episode(arena_id="a", token_ids=[1], loss_mask=[1], logprobs=[-0.5], weight_versions=[[(0, 1)]])
    with pytest.raises(ValidationError, match="differ in length"):
        Episode(arena_id="a", token_ids=[1, 2], loss_mask=[1], logprobs=[-0.5, 0.0])


SAMPLED = {"arena_id": "a", "token_ids": [4] * 5, "loss_mask": [0, 1, 1, 1, 1], "logprobs": [-0.5] * 5}


def test_an_episode_says_which_of_its_tokens_weights_of_which_version_drew(tmp_path):
    episode = Episode(**SAMPLED, weight_versions=[[(7, 1), (8, 2)], [(8, 1)]])
    assert (episode.versions, [span.tokens for span in episode.version_spans]) == ([7, 8], [1, 2, 1])
    path = tmp_path / "episodes.jsonl"
    write_records(path, [episode])
    assert json.loads(path.read_text())["weight_versions"] == [[[7, 1], [8, 2]], [[8, 1]]]
    assert list(read_records(path, Episode)) == [episode]


@pytest.mark.parametrize("versions", [[], [[(0, 3)]], [[(0, 3)], [(0, 2)]]])
def test_every_sampled_token_of_an_episode_has_a_version(versions):
    with pytest.raises(ValidationError, match="4 were sampled"):
        Episode(**SAMPLED, weight_versions=versions)


def test_an_episode_of_an_earlier_release_which_knew_one_version_a_turn_is_refused(tmp_path):
    path = tmp_path / "episodes.jsonl"
    path.write_text(json.dumps(SAMPLED | {"weight_versions": [1]}))
    with pytest.raises(
        BadRecord, match=r"field `weight_versions`.* an earlier release wrote one version a turn"
    ):
        list(read_records(path, Episode))


@pytest.mark.parametrize("score", [-100.0, -0.01, 1.01, float("nan")])
def test_a_score_outside_of_its_bounds_is_refused(score):
    with pytest.raises(ValidationError):
        DecompositionScores(completeness=score)


def test_a_judge_that_failed_leaves_no_mean():
    scores = {"dependency": 1.0, "atomicity": 0.5, "sequential_rationality": 0.5, "completeness": 0.0}
    assert DecompositionScores(**scores).mean() == 0.5
    assert DecompositionScores(**{**scores, "atomicity": None}).mean() is None
    fields = {
        "question": "q",
        "answer": 1,
        "scenario": "single_hop",
        "sub_questions": [{"id": 1, "question": "q", "answer": 1}],
    }
    assert Decomposition.model_validate(fields).scores.mean() is None


def test_openai_forms_have_the_order_that_templates_print():
    spec = ToolSpec(name="f", description="d", parameters={"type": "object"})
    assert list(spec.openai()["function"]) == ["name", "description", "parameters"]  # type: ignore[arg-type]
    call = ToolCall(id="c", name="f", arguments={"a": 1})
    assert Message(role="assistant", tool_calls=[call], reasoning_content="hm").openai() == {
        "role": "assistant",
        "content": "",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
    }
    assert Message(role="tool", content="3", tool_call_id="c").openai() == {
        "role": "tool",
        "content": "3",
        "tool_call_id": "c",
    }


def test_a_line_of_a_newer_schema_is_said_to_be_one(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 2, "question": {"text": "Where?"}}) + "\n")
    with pytest.raises(BadRecord, match=r"questions\.jsonl:1: field `question`: .* a newer release wrote it"):
        list(read_records(path, Question))
