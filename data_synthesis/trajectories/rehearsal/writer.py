"""Requests without a model: those written down for a server, or ones that spell out every call."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from data_synthesis.records import content_hash
from data_synthesis.teacher.interface import Prompt, TeacherError
from data_synthesis.trajectories.rehearsal.clauses import Clause, in_words, request
from data_synthesis.trajectories.rehearsal.script import Rehearsals
from data_synthesis.trajectories.rehearsal.values import arguments
from data_synthesis.trajectories.tasks.score import DIMENSIONS

_BEFORE = {
    "vary_diverse": ("This is for a new project of mine. ", "这是为了我的一个新项目。"),
    "vary_complicate": (
        "I need it within the hour, and nothing else may change. ",
        "我一小时内就要，而且别的都不能动。",
    ),
}


def write_task(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    """A `TaskReply`.

    Raises:
        TeacherError: none is written down for a server that has rehearsals, or no arguments fit a tool's schema.
    """
    server: Any = prompt.variables["server"]
    if written := rehearsals.of_server(server["title"]):
        wanted = prompt.variables.get("chain")
        count = prompt.variables.get("tool_count")
        fitting = [task for task in written if task.tools == wanted or len(task.tools) == count]
        number = int(str(prompt.variables["sample"])) - 1
        if number >= len(fitting):
            raise TeacherError(f"no request number {number + 1} is written down for {wanted}")
        return {"target_tools": fitting[number].tools, "question": fitting[number].query}
    tools: Any = prompt.variables["tools"]
    rng = random.Random(prompt.key)
    names = prompt.variables.get("chain") or _some(tools, int(str(prompt.variables["tool_count"])), rng)
    return _spelled_out(names, {tool["name"]: tool for tool in tools}, prompt.variables["language"], rng)


def vary(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    """A `VariantReply`: as written down, or with something said before the request.

    Raises:
        TeacherError: none is written down.
    """
    question = str(prompt.variables["question"])
    if written := rehearsals.of_query(question):
        mode = prompt.name.removeprefix("vary_")
        if mode not in written.variations:
            raise TeacherError(f"no variation {mode} is written down of {question[:80]!r}")
        return {"question": written.variations[mode]}
    chinese = prompt.variables["language"] == "Chinese"
    if prompt.name in _BEFORE:
        return {"question": _BEFORE[prompt.name][chinese] + question}
    persona: Any = prompt.variables["persona"]
    who = persona.get("occupation", "customer")
    return {"question": (f"我是{who}。" if chinese else f"I am a {who}. ") + question}


def score(prompt: Prompt[Any]) -> dict[str, Any]:
    """A `ScoresReply`. It says what it is worth: nobody has read the request."""
    rating = {"reason": "rehearsed: nobody has read the request", "rating": 3}
    return dict.fromkeys(DIMENSIONS, rating)


def _some(tools: Sequence[Mapping[str, Any]], count: int, rng: random.Random) -> list[str]:
    return rng.sample([tool["name"] for tool in tools], count)


def _spelled_out(
    names: Any, tools: Mapping[str, Mapping[str, Any]], language: Any, rng: random.Random
) -> dict[str, Any]:
    said = []
    for name in names:
        made = arguments(tools[name]["parameters"], random.Random(content_hash([name, rng.random()])))
        if made is None:
            raise TeacherError(f"no arguments were found that fit the schema of {name!r}")
        said.append(Clause(in_words(name), made))
    return {
        "target_tools": list(names),
        "question": request(said, "zh" if language == "Chinese" else "en"),
    }
