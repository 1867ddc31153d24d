"""Upstream's environment records as it writes them: fields under its names, checked, and nothing added.

The steps 1 to 3 write one decomposed instance a line; step 4 adds `env_result`, step 5 `clusters` and `aggregated_env`.
`tool_call_ans`, the printed output of a call, is not read: step 5 leaves the one of a tool that it has replaced.
"""

from __future__ import annotations

from pydantic import Field, JsonValue

from data_synthesis.records import Part, ToolSpec


class TraceNode(Part):
    """A sub-question. Upstream counts ids from 1, and a dependency is null where there is none."""

    id: int = Field(alias="_uuid", ge=1)
    sub_question: str = Field(min_length=1)
    sub_answer: JsonValue
    dependency: list[int] | None = None
    hop_level: int | None = None
    is_parallel: bool | None = None
    tool_necessity: bool | None = None
    reason: str | None = None


class Metadata(Part):
    """What step 1 was asked with. A corpus is text, or an object for a leaf of a taxonomy."""

    domain: str | None = None
    language: str | None = None
    knowledge_corpus: JsonValue = None
    model_name: str | None = None
    num_hops: int | None = None
    min_num_hops: int | None = None
    max_num_hops: int | None = None


class ToolData(Part):
    tool_document: ToolSpec | None = None
    tool_call_statement: str | None = None
    code: str | None = None
    tool_call_ans: JsonValue = None


class Synthesised(Part):
    data: ToolData | None = None
    extra_info: JsonValue = None


class Environment(Part):
    """A sub-question's tool. `answer` is what the code was checked against."""

    question: JsonValue = None
    answer: JsonValue = None
    env_synthesis_result: Synthesised | None = None


class Statement(Part):
    id: int = Field(alias="_uuid")
    tool_call_statement: str | None = None


class Cluster(Part):
    """Sub-questions that step 5 gave one tool, where `status` is `success`; what it tried, where it is not."""

    ids: list[int] = Field(alias="_uuids")
    status: str
    merged_code: str | None = None
    tool_document: ToolSpec | None = None
    tool_call_statements: list[Statement] | None = None


class Instance(Part):
    """A record of any of the five steps."""

    uuid: str | None = None
    scenario_type: str | None = None
    main_question: str = Field(min_length=1)
    final_answer: JsonValue
    decomposition_trace: list[TraceNode] = Field(min_length=1)
    metadata: Metadata | None = Field(default=None, alias="_metadata")
    tool_necessity_legitimacy: bool | None = None
    verify_result: JsonValue = None
    env_result: dict[int, Environment | None] | None = None
    clusters: JsonValue = None
    aggregated_env: list[Cluster] | None = None
    merge_flag: JsonValue = None
