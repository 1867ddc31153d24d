"""What a teacher answers with: one model for each prompt, strict enough to constrain a server's decoding."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictFloat, StrictInt, StrictStr

from data_synthesis.records import Scenario

Scalar = StrictStr | StrictInt | StrictFloat
Answer = Scalar | list[Scalar]


class Reply(BaseModel):
    """A field that was not asked for is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid")


class SubQuestionReply(Reply):
    """`hop_level` is the layer, from 1: one more than the deepest parent's."""

    id: int = Field(ge=1)
    question: str = Field(min_length=1)
    answer: Answer
    depends_on: list[int] = []
    hop_level: int = Field(ge=1)
    is_parallel: bool


class DecompositionReply(Reply):
    """Fields in the order in which they are best written: a model thinks while it writes."""

    sub_questions: list[SubQuestionReply] = Field(min_length=1)
    answer: Answer
    scenario: Scenario


class InventedReply(Reply):
    """A question of the teacher's own, and its decomposition."""

    question: str = Field(min_length=1)
    sub_questions: list[SubQuestionReply] = Field(min_length=1)
    answer: Answer
    scenario: Scenario


class ToolNeed(Reply):
    id: int
    reason: str = ""
    tool_necessity: bool


class NecessityReply(Reply):
    judgements: list[ToolNeed]


class DependencyReply(Reply):
    """Whether the parents give a sub-question exactly what it needs."""

    reason: str = ""
    status: Literal["matched", "missing", "redundant"]


class Atomicity(Reply):
    id: int
    reason: str = ""
    is_atomic: bool


class AtomicityReply(Reply):
    judgements: list[Atomicity]


class SequentialReply(Reply):
    """The ids of the sub-questions that wait for an answer they do not need."""

    reason: str = ""
    forced: list[int]


class CompletenessReply(Reply):
    """What the main question asks for and the sub-questions leave out."""

    reason: str = ""
    missing: list[str]


class ToolDocument(Reply):
    """An OpenAI function schema. `parameters` is a JSON schema of type object."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    description: str = Field(min_length=1)
    parameters: dict[str, JsonValue]


class ToolDocumentReply(Reply):
    tool: ToolDocument


class ToolCallReply(Reply):
    """A call as a name and an object, never as text to be evaluated."""

    name: str
    arguments: dict[str, JsonValue]


class ToolCodeReply(Reply):
    """Python source that defines a function with the document's name and parameters."""

    source: str = Field(min_length=1)


class IntentCluster(Reply):
    intent: str
    ids: list[int] = Field(min_length=1)


class IntentClustersReply(Reply):
    clusters: list[IntentCluster]


class MergedToolReply(Reply):
    """One source that serves the old cases and the new one, and the new case's arguments for it.

    `tool` is given only where the document had to widen; its name and its parameters stay.
    """

    source: str = Field(min_length=1)
    arguments: dict[str, JsonValue]
    tool: ToolDocument | None = None
