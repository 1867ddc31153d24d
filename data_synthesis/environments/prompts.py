"""The questions that the five steps ask a teacher, one function for each.

The variables of every prompt carry the main `question`, where there is one yet; prompts about one sub-question also
carry its id as `node`. Together with the prompt's name and version they identify a reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue

from data_synthesis.environments import replies, wordings
from data_synthesis.environments.wordings import Wording
from data_synthesis.records import Decomposition, GoldCall, Seed, SubQuestion, ToolSpec
from data_synthesis.teacher.interface import Prompt

R = TypeVar("R", bound=BaseModel)


def decompose(seed: Seed) -> Prompt[Any]:
    """Answered with a `DecompositionReply` about the seed's question, or an `InventedReply` where it has none."""
    wording = wordings.DECOMPOSE_BY_MODE[seed.mode]
    variables: dict[str, JsonValue] = {"seed": seed.id, "domain": seed.domain, "context": seed.context}
    if seed.mode == "question":
        variables |= {"question": seed.question, "language": seed.language, "repeat": seed.repeat}
        return _prompt(wording, replies.DecompositionReply, **variables)
    language = _LANGUAGES.get(seed.language, seed.language)
    variables |= {"shown": seed.shown, "repeat": seed.repeat + 1, "language": language, "hops": _hops(seed)}
    return _prompt(wording, replies.InventedReply, **variables)


_LANGUAGES = {"en": "English", "zh": "Chinese"}


def _hops(seed: Seed) -> str:
    fewest, most = seed.min_hops or 1, seed.max_hops
    if most is None:
        return f"{fewest} or more layers"
    count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return f"{count} {'layer' if most == 1 else 'layers'}"


def necessity(whole: Decomposition) -> Prompt[replies.NecessityReply]:
    return _prompt(wordings.NECESSITY, replies.NecessityReply, **_trace(whole))


def verify_dependency(whole: Decomposition, sub: SubQuestion) -> Prompt[replies.DependencyReply]:
    return _prompt(wordings.VERIFY_DEPENDENCY, replies.DependencyReply, **_need(whole, sub))


def verify_atomicity(whole: Decomposition) -> Prompt[replies.AtomicityReply]:
    return _prompt(wordings.VERIFY_ATOMICITY, replies.AtomicityReply, **_trace(whole))


def verify_sequential(whole: Decomposition) -> Prompt[replies.SequentialReply]:
    return _prompt(wordings.VERIFY_SEQUENTIAL, replies.SequentialReply, **_trace(whole))


def verify_completeness(whole: Decomposition) -> Prompt[replies.CompletenessReply]:
    return _prompt(wordings.VERIFY_COMPLETENESS, replies.CompletenessReply, **_trace(whole))


def tool_document(whole: Decomposition, sub: SubQuestion) -> Prompt[replies.ToolDocumentReply]:
    return _prompt(wordings.TOOL_DOCUMENT, replies.ToolDocumentReply, **_need(whole, sub))


def tool_scaling(whole: Decomposition, sub: SubQuestion, tool: ToolSpec) -> Prompt[replies.ToolDocumentReply]:
    variables = _need(whole, sub) | {"tool": tool.model_dump(mode="json")}
    return _prompt(wordings.TOOL_SCALING, replies.ToolDocumentReply, **variables)


def tool_call(whole: Decomposition, sub: SubQuestion, tool: ToolSpec) -> Prompt[replies.ToolCallReply]:
    variables = _need(whole, sub) | {"tool": tool.model_dump(mode="json")}
    return _prompt(wordings.TOOL_CALL, replies.ToolCallReply, **variables)


def tool_code(
    whole: Decomposition, sub: SubQuestion, tool: ToolSpec, arguments: dict[str, JsonValue]
) -> Prompt[replies.ToolCodeReply]:
    variables = _need(whole, sub) | {
        "tool": tool.model_dump(mode="json"),
        "call": {"name": tool.name, "arguments": arguments},
        "answer": sub.answer,
    }
    return _prompt(wordings.TOOL_CODE, replies.ToolCodeReply, **variables)


def intent_clusters(
    question: str, calls: Sequence[tuple[GoldCall, ToolSpec]]
) -> Prompt[replies.IntentClustersReply]:
    items: list[JsonValue] = [
        {"id": c.id, "question": c.question, "answer": c.expected, "tool": tool.model_dump(mode="json")}
        for c, tool in calls
    ]
    return _prompt(
        wordings.INTENT_CLUSTERS,
        replies.IntentClustersReply,
        question=question,
        items=items,
    )


def merge_tool(
    question: str, tool: ToolSpec, source: str, cases: Sequence[GoldCall], new: GoldCall
) -> Prompt[replies.MergedToolReply]:
    """Insert the call `new` into a tool that already serves `cases`."""
    served: list[JsonValue] = [
        {"question": c.question, "arguments": c.arguments, "answer": c.expected} for c in cases
    ]
    return _prompt(
        wordings.MERGE_TOOL,
        replies.MergedToolReply,
        question=question,
        node=new.id,
        sub_question=new.question,
        answer=new.expected,
        tool=tool.model_dump(mode="json"),
        source=source,
        cases=served,
    )


def _prompt(wording: Wording, reply: type[R], **variables: JsonValue) -> Prompt[R]:
    return Prompt(wording.name, wording.version, variables, reply, template=wording.template)


def _trace(whole: Decomposition) -> dict[str, JsonValue]:
    shown = {"id", "question", "answer", "depends_on", "hop_level", "is_parallel"}
    subs: list[JsonValue] = [s.model_dump(mode="json", include=shown) for s in whole.sub_questions]
    return {"question": whole.question, "answer": whole.answer, "sub_questions": subs}


def _need(whole: Decomposition, sub: SubQuestion) -> dict[str, JsonValue]:
    facts: list[JsonValue] = [
        {"question": p.question, "answer": p.answer} for p in whole.sub_questions if p.id in sub.depends_on
    ]
    return {"question": whole.question, "node": sub.id, "sub_question": sub.question, "facts": facts}
