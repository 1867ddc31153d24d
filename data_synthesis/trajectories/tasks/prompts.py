"""The questions about tasks that are put to a teacher, one function for each."""

from __future__ import annotations

from pydantic import JsonValue

from data_synthesis.environments.wordings import Wording
from data_synthesis.records import Task, TaskPlan, ToolChain, ToolServer
from data_synthesis.teacher.interface import Prompt
from data_synthesis.trajectories.tasks import replies, wordings

_LANGUAGES = {"en": "English", "zh": "Chinese"}
BY_MODE = {
    "diverse": wordings.DIVERSE,
    "complicate": wordings.COMPLICATE,
    "persona": wordings.PERSONA,
}


def write_task(chain: ToolChain, server: ToolServer, language: str) -> Prompt[replies.TaskReply]:
    """For the chain's tools, or for as many of the writer's choice where it has none."""
    variables: dict[str, JsonValue] = {
        "server": about(server),
        "tools": documents(server),
        "language": in_words(language),
        "sample": chain.sample,
    }
    if chain.tools:
        variables["chain"] = list(chain.tools)
        return _prompt(wordings.WRITE_CHAIN, replies.TaskReply, variables)
    variables["tool_count"] = chain.tool_count
    return _prompt(wordings.WRITE_OPEN, replies.TaskReply, variables)


def vary(plan: TaskPlan) -> Prompt[replies.VariantReply]:
    """
    Raises:
        KeyError: the plan asks for no augmentation that exists.
    """
    variables: dict[str, JsonValue] = {
        "question": plan.task.query,
        "tools": list(plan.task.target_tools),
        "language": in_words(plan.task.language),
        "variant": plan.variant,
    }
    if plan.persona is not None:
        variables["persona"] = plan.persona
    return _prompt(BY_MODE[plan.augmentation or ""], replies.VariantReply, variables)


def score(task: Task, server: ToolServer) -> Prompt[replies.ScoresReply]:
    variables: dict[str, JsonValue] = {
        "server": about(server),
        "tools": documents(server),
        "question": task.query,
        "target_tools": list(task.target_tools),
    }
    return _prompt(wordings.SCORE, replies.ScoresReply, variables)


def about(server: ToolServer) -> JsonValue:
    return {"title": server.title, "description": server.description}


def documents(server: ToolServer) -> list[JsonValue]:
    """The tools with their parameters: a writer who does not see these leaves out what a call needs."""
    shown = {"name", "description", "parameters"}
    return [tool.model_dump(mode="json", include=shown) for tool in server.tools]


def in_words(language: str) -> str:
    return _LANGUAGES.get(language, language)


def _prompt(wording: Wording, reply: type[replies.Reply], variables: dict[str, JsonValue]) -> Prompt:
    return Prompt(wording.name, wording.version, variables, reply, template=wording.template)
