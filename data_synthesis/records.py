"""Every record that crosses a boundary, as Pydantic models: one JSON object a line.

A record knows its content hash (`id`), the version of its schema, and where it came from (`provenance`).
Unknown fields are kept, so that a file written by a newer release survives a round trip through this one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from data_synthesis.whole_file import whole_file

SCHEMA_VERSION = 1

Scenario = Literal["single_hop", "parallel_single_hop", "multi_hop", "parallel_multi_hop"]
Variant = Literal["base", "missing_function", "missing_parameter"]
SeedMode = Literal[
    "question", "domain", "context", "taxonomy",
    "env_base", "env_call_state", "env_call_state_loose", "env_tool_name",
]  # fmt: skip
StopReason = Literal["finished", "max_turns", "max_tokens", "context", "deadline", "infrastructure"]


def content_hash(value: Any) -> str:
    """The first 16 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Part(BaseModel):
    """A piece of a record. Unknown fields are kept."""

    model_config = ConfigDict(extra="allow")


class Provenance(Part):
    parents: list[str] = []
    teacher: str | None = None
    prompt_version: str | None = None
    seed: int | None = None


class Record(Part):
    """A line of a file. `id` is the hash of the content: everything but the fields in `not_content`."""

    not_content: ClassVar[frozenset[str]] = frozenset({"id", "schema_version", "provenance"})

    id: str = ""
    schema_version: int = SCHEMA_VERSION
    provenance: Provenance = Field(default_factory=Provenance)

    @model_validator(mode="after")
    def _fill_id(self) -> Record:
        if not self.id:
            self.id = self.content_id()
        return self

    def content_id(self) -> str:
        return content_hash(self.model_dump(mode="json", exclude=set(self.not_content)))


class ToolSpec(Part):
    """An OpenAI function schema, without its `{"type": "function", ...}` wrapper."""

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, JsonValue] = Field(
        default_factory=lambda: {"type": "object", "properties": {}, "required": []}
    )

    def openai(self) -> dict[str, JsonValue]:
        """`{"type": "function", "function": {...}}`, keys in the order chat templates print them."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


class ServerTool(ToolSpec):
    """A tool as a server documents it.

    `wire_name` is what the server calls it, where that is not `name`, which is callable and unique in its server.
    `source` is Python that defines a function `name`, where the tool is code.
    """

    output_schema: dict[str, JsonValue] | None = None
    wire_name: str = ""
    source: str = ""

    @property
    def called(self) -> str:
        """The name to send to the server."""
        return self.wire_name or self.name


class Reach(Part):
    """How a server's tools are executed.

    `stdio` starts `command` with the working folder of the run, for which the text `{folder}` stands in `command` and
    in the values of `env`; the folder begins as a copy of `seed_folder`. `reset` says how the server is fresh for the
    next run: `process` starts another one; `folder` puts the folder back and keeps the process, which is right only for
    a server that remembers nothing but what is in its folder. `http` speaks MCP to `url`; a value of `headers` that
    begins with `$` names an environment variable. `code` runs the tools' sources; `emulated` asks a teacher.
    """

    kind: Literal["stdio", "http", "code", "emulated"] = "emulated"
    command: list[str] = []
    env: dict[str, str] = {}
    seed_folder: str = ""
    reset: Literal["process", "folder"] = "process"
    url: str = ""
    headers: dict[str, str] = {}


class ToolServer(Record):
    """A group of tools, usually one MCP server."""

    title: str
    description: str = ""
    domain: str = ""
    tools: list[ServerTool]
    reach: Reach = Field(default_factory=Reach)

    def tool(self, name: str) -> ServerTool | None:
        return next((tool for tool in self.tools if tool.name == name), None)


class ChainProposal(Part):
    """A task that somebody thinks these tools, in this order, can do. `by` names who."""

    tools: list[str]
    task: str = ""
    by: str = ""


class Feed(Part):
    """That `parameter` of an edge's target can be filled from `output` of its source, a dotted path or empty."""

    parameter: str
    output: str = ""
    evidence: Literal["schema", "name", "embedding"]
    score: float = Field(ge=0, le=1)


class GraphEdge(Part):
    """`target` may follow `source`. `proposed_by` counts the proposals in which it does, by proposer."""

    source: str
    target: str
    weight: float = Field(gt=0)
    proposed_by: dict[str, int] = {}
    feeds: list[Feed] = []


class ToolGraph(Record):
    """Which tools of a server may follow which. Nodes are tool names.

    `refused` says why proposals were not used.
    """

    not_content: ClassVar[frozenset[str]] = Record.not_content | {"refused"}

    server_id: str
    nodes: list[str]
    edges: list[GraphEdge] = []
    proposals: list[ChainProposal] = []
    refused: list[str] = []


class ToolChain(Record):
    """A walk on a server's tool graph. `votes` and `back_translations` are what verification found.

    Without `tools` it only says how many a task of the writer's own choice should need. `sample` tells apart the tasks
    that are wanted for it.
    """

    server_id: str
    tools: list[str] = []
    tool_count: int = Field(default=0, ge=0)
    sample: int = Field(default=1, ge=1)
    feeds: list[Feed] = []
    votes: dict[str, int] = {}
    back_translations: list[list[str]] = []

    @model_validator(mode="after")
    def _has_tools_or_a_count(self) -> ToolChain:
        self.tool_count = self.tool_count or len(self.tools)
        if self.tool_count < 1 or (self.tools and len(self.tools) != self.tool_count):
            raise ValueError(f"a chain of {len(self.tools)} tools cannot ask for {self.tool_count}")
        return self


class Task(Record):
    """A user request that should need `target_tools`. A score is null where its judge failed."""

    query: str = Field(min_length=1)
    server_id: str = ""
    chain_id: str = ""
    target_tools: list[str] = []
    language: str = "en"
    augmentation: str | None = None
    persona: dict[str, JsonValue] | None = None
    scores: dict[str, float | None] = {}


class TaskPlan(Record):
    """A task on its way: as it was written (`augmentation` null), or to be varied once more in that way."""

    task: Task
    augmentation: str | None = None
    variant: int = 0
    persona: dict[str, JsonValue] | None = None


class ToolCall(Part):
    """One call in an assistant message. `arguments` is an object, never text."""

    id: str
    name: str
    arguments: dict[str, JsonValue] = {}


class Message(Part):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] = []
    tool_call_id: str | None = None

    def openai(self) -> dict[str, Any]:
        """The message as chat templates and OpenAI clients spell it."""
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.reasoning_content is not None:
            message["reasoning_content"] = self.reasoning_content
        if self.tool_calls:
            message["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in self.tool_calls
            ]
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        return message


class Trajectory(Record):
    """An agent's run as an SFT row. A judge that failed leaves null, never a default."""

    messages: list[Message]
    tools: list[ToolSpec]
    status: Literal["finished", "broken"] = "finished"
    domain: str = ""
    scores: dict[str, float | None] = {}

    @model_validator(mode="after")
    def _call_ids_are_unique(self) -> Trajectory:
        ids = [call.id for message in self.messages for call in message.tool_calls]
        if len(ids) != len(set(ids)):
            raise ValueError("tool call ids are not unique in the trajectory")
        return self


class Seed(Record):
    """Where an arena starts. Without a `question`, a teacher invents one for the domain, the context or the tools.

    `context` holds facts that answers must come from (upstream calls it `knowledge_corpus`). `shown` is what the
    teacher sees of tools that exist. A hop is a layer of the DAG; `repeat` tells apart seeds that are otherwise equal.
    """

    mode: SeedMode = "question"
    question: str | None = None
    domain: str = "general"
    language: str = "en"
    context: str | None = None
    min_hops: int | None = Field(default=None, ge=1)
    max_hops: int | None = Field(default=None, ge=1)
    shown: list[JsonValue] = []
    repeat: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _upstream_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and "knowledge_corpus" in data and "context" not in data:
            others = {name: value for name, value in data.items() if name != "knowledge_corpus"}
            return others | {"context": data["knowledge_corpus"] or None}
        return data

    @model_validator(mode="after")
    def _question_fits_mode(self) -> Seed:
        if (self.mode == "question") != (self.question is not None):
            has = "has none" if self.question is None else "has one"
            raise ValueError(
                f"a seed has a question in mode `question` only: this one is of `{self.mode}` and {has}"
            )
        return self


class Question(Seed):
    """A seed that says what the user asks."""

    mode: Literal["question"] = "question"
    question: str = Field(min_length=1)  # type: ignore[assignment]


class SubQuestion(Part):
    """A node of a decomposition. `id` counts from 1; `depends_on` lists direct parents only."""

    id: int = Field(ge=1)
    question: str = Field(min_length=1)
    answer: JsonValue
    depends_on: list[int] = []
    hop_level: int = Field(default=1, ge=1)
    is_parallel: bool = False
    tool_necessity: bool | None = None
    reason: str = ""


class DecompositionScores(Part):
    """The paper's four scores in [0, 1]; null where a judge failed."""

    dependency: float | None = Field(default=None, ge=0, le=1)
    atomicity: float | None = Field(default=None, ge=0, le=1)
    sequential_rationality: float | None = Field(default=None, ge=0, le=1)
    completeness: float | None = Field(default=None, ge=0, le=1)

    def mean(self) -> float | None:
        """The mean of the four, or null when one of them is."""
        scores = [self.dependency, self.atomicity, self.sequential_rationality, self.completeness]
        known = [s for s in scores if s is not None]
        return sum(known) / 4 if len(known) == 4 else None


class Decomposition(Record):
    """A question, its answer, and the sub-questions that lead there as a DAG."""

    question: str = Field(min_length=1)
    answer: JsonValue
    domain: str = "general"
    language: str = "en"
    context: str | None = None
    scenario: Scenario
    sub_questions: list[SubQuestion] = Field(min_length=1)
    scores: DecompositionScores = Field(default_factory=DecompositionScores)


class ArenaTool(Part):
    """A tool and the Python source that defines a function of the same name."""

    spec: ToolSpec
    source: str

    @property
    def name(self) -> str:
        return self.spec.name


class GoldCall(Part):
    """One sub-task of an arena: a call of `tool` whose output must contain `expected`."""

    id: int = Field(ge=1)
    tool: str
    arguments: dict[str, JsonValue] = {}
    expected: JsonValue
    question: str = ""
    depends_on: list[int] = []


class FollowUp(Part):
    """What the user says when the agent first stops calling tools, and the tools that this reveals.

    A missing-function arena withholds a tool until then; a missing-parameter arena withholds a value.
    """

    content: str
    reveals: list[str] = []


class Check(Part):
    """One point of the proof. `reason` is a code such as `constant_output`; empty when it passed."""

    name: str
    passed: bool
    reason: str = ""
    detail: str = ""


class VerificationReport(Part):
    """What a proof found. `version` is that of its checks; 0 where nobody said."""

    passed: bool
    version: int = 0
    checks: list[Check] = []

    @property
    def reasons(self) -> list[str]:
        return [check.reason for check in self.checks if not check.passed]


class Arena(Record):
    """A question, tools that answer it by execution, and the gold calls by which a run is scored."""

    not_content: ClassVar[frozenset[str]] = Record.not_content | {"verification"}

    question: str = Field(min_length=1)
    domain: str = "general"
    scenario: Scenario = "single_hop"
    variant: Variant = "base"
    tools: list[ArenaTool] = Field(min_length=1)
    gold_calls: list[GoldCall] = Field(min_length=1)
    distractors: list[ArenaTool] = []
    follow_ups: list[FollowUp] = []
    final_answer: str = ""
    verification: VerificationReport | None = None


class ToolEvent(Part):
    """One executed (or refused) call of an episode, as the agent saw it."""

    turn: int
    call_id: str
    name: str
    arguments: JsonValue = None
    output: str
    status: Literal["ok", "tool_error", "unknown_tool", "bad_json", "bad_arguments", "breach"]
    gold_id: int | None = None


class RunEvent(ToolEvent):
    """One call of an agent's run. `injected` names the failure that was made up on purpose, if it was."""

    status: Literal[  # type: ignore[assignment]
        "ok", "tool_error", "unknown_tool", "bad_json", "bad_arguments", "breach",
        "timeout", "unreachable", "server_error", "rate_limited", "partial", "oversized", "not_protocol",
    ]  # fmt: skip
    injected: str | None = None


class StateChange(Part):
    """What a run left different in its working folder: a file, a row of a database, a commit, a branch or tag.

    `what` is `file`, `row`, `commit` or `ref`; `name` is the path, the path and table, the repository, or the
    repository and ref (`index` is what is staged, `HEAD` what is checked out). `before` and `after`
    are texts, cut at a bound; null where there was or is nothing.
    """

    what: Literal["file", "row", "commit", "ref"]
    name: str
    before: str | None = None
    after: str | None = None


class Judgement(Part):
    """A score in [0, 1] with why; null where a judge failed, and then `reason` says how.

    `parts` are the scores of calls or rounds, where the score is their mean.
    """

    score: float | None = Field(default=None, ge=0, le=1)
    by: Literal["rule", "model"]
    reason: str = ""
    parts: list[float | None] = []


class AgentRun(Trajectory):
    """A trajectory with what else is known of it. A broken one is kept, and never becomes an SFT row."""

    task: Task
    outcome: Literal[
        "finished", "max_calls", "deadline", "agent_failed", "backend_failed", "emulator_failed"
    ] = "finished"
    problem: str = ""
    events: list[RunEvent] = []
    state: list[StateChange] = []
    judgements: dict[str, Judgement] = {}
    judge: str = ""  # who scored what no rule decides; `provenance.teacher` is the agent


class RewardParts(Part):
    """The paper's F1 in closed form: `f1 = 2 * solved / (n + calls)`."""

    n: int
    solved: int
    calls: int
    recall: float
    precision: float
    f1: float

    @property
    def all_solved(self) -> bool:
        return self.solved == self.n


class VersionSpan(NamedTuple):
    """So many sampled tokens in a row, all drawn by weights of one version. In a file it is `[version, tokens]`."""

    version: int
    tokens: PositiveInt


class Episode(Record):
    """What RL trains on: token ids are only ever appended, and the loss covers sampled tokens alone.

    `loss_mask[i]` is 1 where token i was sampled; `logprobs[i]` is its sampler log-probability under the
    temperature-scaled distribution, and 0.0 where it was not sampled. `weight_versions[t]` says which weights drew the
    sampled tokens of turn t, in their order: more than one span where weights changed within the turn.

    `reward` is the paper's; it is null where what the episode earned is unknown. `scores` are all components of the
    reward by name, and `total`, which is trained on; where one could not be had, `reward` is null, and `unscored`
    says why.
    """

    not_content: ClassVar[frozenset[str]] = Record.not_content | {"scores", "unscored"}

    arena_id: str
    domain: str = ""
    group: int = 0
    sample: int = 0
    seed: int = 0
    token_ids: list[int] = []
    loss_mask: list[int] = []
    logprobs: list[float] = []
    weight_versions: list[list[VersionSpan]] = []
    prompt_length: int = 0
    messages: list[Message] = []
    tools: list[ToolSpec] = []
    events: list[ToolEvent] = []
    reward: RewardParts | None = None
    scores: dict[str, float] = {}
    unscored: str = ""
    stop_reason: StopReason = "finished"

    @model_validator(mode="after")
    def _lengths_agree(self) -> Episode:
        if not len(self.token_ids) == len(self.loss_mask) == len(self.logprobs):
            raise ValueError("token_ids, loss_mask and logprobs differ in length")
        return self

    @field_validator("weight_versions", mode="before")
    @classmethod
    def _not_one_a_turn(cls, value: Any) -> Any:
        if isinstance(value, list) and any(isinstance(turn, int) for turn in value):
            raise ValueError(
                "an earlier release wrote one version a turn, that of its last token, which does not say what drew "
                "the others: read the file with that release, or play the episodes again"
            )
        return value

    @model_validator(mode="after")
    def _every_sampled_token_has_a_version(self) -> Episode:
        told, sampled = sum(span.tokens for span in self.version_spans), sum(self.loss_mask)
        if told != sampled:
            raise ValueError(
                f"weight_versions are of {told} tokens, and loss_mask says that {sampled} were sampled"
            )
        return self

    @property
    def version_spans(self) -> list[VersionSpan]:
        """Those of all turns, in order."""
        return [span for turn in self.weight_versions for span in turn]

    @property
    def versions(self) -> list[int]:
        """Of all weights that drew one of its tokens, the oldest first."""
        return sorted({span.version for span in self.version_spans})


UNREADABLE = "unreadable_record"


class BadRecord(ValueError):
    """A line that is not a record: names the file, the line and the field. `reason` is a code."""

    def __init__(self, path: Path, line: int, field: str, problem: str, reason: str = UNREADABLE):
        self.path, self.line, self.field, self.problem, self.reason = path, line, field, problem, reason
        where = f"{path}:{line}" + (f": field `{field}`" if field else "")
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[type[BadRecord], tuple[Path, int, str, str, str]]:
        return BadRecord, (self.path, self.line, self.field, self.problem, self.reason)


R = TypeVar("R", bound=Record)


def read_records(path: str | Path, kind: type[R], *, rejects: list[BadRecord] | None = None) -> Iterator[R]:
    """Yields the records of a JSONL file in order.

    Args:
        path: the file; blank lines are skipped.
        kind: the record model each line must satisfy.
        rejects: if given, bad lines are appended here and reading goes on; otherwise the first one raises.

    Raises:
        BadRecord: a line that is not JSON, cannot be read or is no `kind`, when `rejects` is None.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield _parse_line(path, number, line, kind)
            except BadRecord as bad:
                if rejects is None:
                    raise
                rejects.append(bad)


def _parse_line(path: Path, number: int, line: bytes, kind: type[R]) -> R:
    try:
        value = json.loads(line)
    except UnicodeDecodeError as error:
        raise BadRecord(path, number, "", f"is not UTF-8 ({error.reason})") from error
    except json.JSONDecodeError as error:
        raise BadRecord(
            path, number, "", f"is not JSON ({error.msg.removesuffix(' at')} at column {error.colno})"
        ) from error
    except RecursionError as error:
        raise BadRecord(path, number, "", "is nested too deeply") from error
    except ValueError as error:  # Python's limit on the digits of an integer
        raise BadRecord(path, number, "", f"holds a number that cannot be read ({error})") from error
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        field, problem = first_problem(error)
        raise BadRecord(path, number, field, f"{problem} (not a {kind.__name__}{newer(value)})") from error


def first_problem(error: ValidationError) -> tuple[str, str]:
    """The field that is wrong, with dots between its parts, empty for the whole; and what is wrong with it."""
    first = error.errors()[0]
    return ".".join(map(str, first["loc"])), first["msg"]


def newer(value: Any) -> str:
    """What to say of a line that a later release wrote, whose known fields may have changed."""
    version = value.get("schema_version") if isinstance(value, dict) else None
    if not isinstance(version, int) or version <= SCHEMA_VERSION:
        return ""
    return f" of schema {SCHEMA_VERSION}, but of schema {version}: a newer release wrote it, and can read it"


def write_records(path: str | Path, records: Iterable[Record]) -> int:
    """Writes one JSON object a line, to a temporary file that replaces `path` when complete. Returns the count."""
    count = 0
    with whole_file(Path(path)) as out:
        for count, record in enumerate(records, 1):  # noqa: B007
            out.write(record.model_dump_json() + "\n")
    return count
