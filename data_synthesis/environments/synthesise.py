"""Step 4: every sub-question that needs a tool gets one; all must succeed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import JsonValue

from data_synthesis.environments import graph
from data_synthesis.environments.asking import all_of
from data_synthesis.environments.naming import with_unique_names
from data_synthesis.environments.node import Budget, Node
from data_synthesis.environments.trial import problem_of
from data_synthesis.environments.wordings import TOOL_CODE
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena, ArenaTool, Decomposition, GoldCall, Provenance
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher


async def synthesise(whole: Decomposition, teacher: Teacher, sandbox: Sandbox, *, budget: Budget) -> Arena:
    """An arena with a tool for each sub-question that needs one; not yet merged, not yet proved.

    Raises:
        Rejected: `no_tool_document`, `no_tool_call`, `no_working_code` or `name_collision`; all must succeed.
        TeacherError, SandboxUnavailable: undecided.
    """
    needing = [sub for sub in whole.sub_questions if sub.tool_necessity]
    made = await all_of(Node(whole, sub, teacher, sandbox, budget).equip() for sub in needing)
    named = with_unique_names([tool for tool, _ in made])
    calls = [call.model_copy(update={"tool": tool.name}) for (_, call), tool in zip(made, named, strict=True)]
    renamed = [
        (call, tool) for (old, _), call, tool in zip(made, calls, named, strict=True) if old.name != tool.name
    ]
    await asyncio.to_thread(_check_renamed, renamed, sandbox, budget)
    content = {
        "question": "\n\n".join(filter(None, [whole.context, whole.question])),
        "domain": whole.domain,
        "scenario": graph.scenario({call.id: call.depends_on for call in calls}),
        "tools": list({tool.name: tool for tool in named}.values()),
        "gold_calls": calls,
        "final_answer": _in_words(whole.answer),
        "provenance": Provenance(parents=[whole.id], teacher=teacher.name, prompt_version=TOOL_CODE.label),
    }
    return Arena.model_validate((whole.model_extra or {}) | content)


def _check_renamed(renamed: Sequence[tuple[GoldCall, ArenaTool]], sandbox: Sandbox, budget: Budget) -> None:
    for call, tool in renamed:
        if problem := problem_of(call, tool.source, sandbox, deadline=budget.call_seconds):
            raise Rejected("name_collision", f"renamed to {tool.name}, the tool fails: {problem}")


def _in_words(answer: JsonValue) -> str:
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
