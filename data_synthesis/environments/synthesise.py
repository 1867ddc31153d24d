"""Step 4: every sub-question that needs a tool gets one: document, call, code, and a check in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from data_synthesis.arenas import schema
from data_synthesis.environments import graph, prompts
from data_synthesis.environments.asking import all_of, ask_until
from data_synthesis.environments.naming import with_unique_names
from data_synthesis.environments.replies import (
    ToolCallReply,
    ToolCodeReply,
    ToolDocument,
    ToolDocumentReply,
)
from data_synthesis.environments.trial import problem_of
from data_synthesis.environments.wordings import TOOL_CODE
from data_synthesis.pipeline import Rejected
from data_synthesis.records import (
    Arena,
    ArenaTool,
    Decomposition,
    GoldCall,
    Provenance,
    SubQuestion,
    ToolSpec,
)
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher


@dataclass(frozen=True)
class Budget:
    """What a node may take: answers of each kind, and wall-clock seconds for one call of its tool."""

    documents: int = 2
    calls: int = 2
    codes: int = 4
    call_seconds: float = 2.0


async def synthesise(whole: Decomposition, teacher: Teacher, sandbox: Sandbox, *, budget: Budget) -> Arena:
    """An arena with a tool for each sub-question that needs one; not yet merged, not yet proved.

    Raises:
        Rejected: `no_tool_document`, `no_tool_call`, `no_working_code` or `name_collision`; all must succeed.
        TeacherError, SandboxUnavailable: undecided.
    """
    needing = [sub for sub in whole.sub_questions if sub.tool_necessity]
    made = await all_of(_equip(whole, sub, teacher, sandbox, budget) for sub in needing)
    named = with_unique_names([tool for tool, _ in made])
    calls = [call.model_copy(update={"tool": tool.name}) for (_, call), tool in zip(made, named, strict=True)]
    renamed = [
        (call, tool) for (old, _), call, tool in zip(made, calls, named, strict=True) if old.name != tool.name
    ]
    await asyncio.to_thread(_check_renamed, renamed, sandbox, budget)
    return Arena(
        question="\n\n".join(filter(None, [whole.context, whole.question])),
        domain=whole.domain,
        scenario=graph.scenario({call.id: call.depends_on for call in calls}),
        tools=list({tool.name: tool for tool in named}.values()),
        gold_calls=calls,
        final_answer=_in_words(whole.answer),
        provenance=Provenance(parents=[whole.id], teacher=teacher.name, prompt_version=TOOL_CODE.label),
    )


async def _equip(
    whole: Decomposition, sub: SubQuestion, teacher: Teacher, sandbox: Sandbox, budget: Budget
) -> tuple[ArenaTool, GoldCall]:
    spec = await _design(whole, sub, teacher, budget)
    call = await _plan_call(whole, sub, spec, teacher, budget)

    def check(reply: ToolCodeReply) -> str:
        return problem_of(call, reply.source, sandbox, deadline=budget.call_seconds)

    prompt = prompts.tool_code(whole, sub, spec, call.arguments)
    code = await ask_until(teacher, prompt, check, attempts=budget.codes, reason="no_working_code")
    return ArenaTool(spec=spec, source=code.source), call


async def _design(whole: Decomposition, sub: SubQuestion, teacher: Teacher, budget: Budget) -> ToolSpec:
    def check(reply: ToolDocumentReply) -> str:
        return document_problem(reply.tool)

    prompt = prompts.tool_document(whole, sub)
    reply = await ask_until(teacher, prompt, check, attempts=budget.documents, reason="no_tool_document")
    return ToolSpec(**reply.tool.model_dump())


async def _plan_call(
    whole: Decomposition, sub: SubQuestion, spec: ToolSpec, teacher: Teacher, budget: Budget
) -> GoldCall:
    def check(reply: ToolCallReply) -> str:
        if reply.name != spec.name:
            return f"the call is of {reply.name}, the tool is {spec.name}"
        return "; ".join(schema.problems(reply.arguments, spec.parameters))

    prompt = prompts.tool_call(whole, sub, spec)
    reply = await ask_until(teacher, prompt, check, attempts=budget.calls, reason="no_tool_call")
    return GoldCall(
        id=sub.id,
        tool=spec.name,
        arguments=reply.arguments,
        expected=sub.answer,
        question=sub.question,
        depends_on=sub.depends_on,
    )


def document_problem(tool: ToolDocument) -> str:
    """What keeps a tool document from being a function schema; empty if nothing does."""
    parameters = tool.parameters
    properties, required = parameters.get("properties"), parameters.get("required", [])
    if parameters.get("type") != "object" or not isinstance(properties, dict):
        return "`parameters` must be a JSON schema of type object with `properties`"
    if not isinstance(required, list) or not set(map(str, required)) <= set(properties):
        return f"`required` must list names out of `properties`, not {required}"
    return ""


def _check_renamed(renamed: Sequence[tuple[GoldCall, ArenaTool]], sandbox: Sandbox, budget: Budget) -> None:
    for call, tool in renamed:
        if problem := problem_of(call, tool.source, sandbox, deadline=budget.call_seconds):
            raise Rejected("name_collision", f"renamed to {tool.name}, the tool fails: {problem}")


def _in_words(answer: JsonValue) -> str:
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
