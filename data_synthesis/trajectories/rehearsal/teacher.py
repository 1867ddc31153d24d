"""All roles but the agent's without a model: recorded where somebody wrote it down, by simple rules elsewhere.

Its opinions are worth nothing by themselves: as a voter and as a judge it finds everything good that no rule of the
pipeline refuses. It is there so that the whole pipeline runs, and what it made says `rehearsed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from data_synthesis.records import content_hash
from data_synthesis.teacher.interface import Prompt, TeacherError
from data_synthesis.trajectories.rehearsal import writer
from data_synthesis.trajectories.rehearsal.clauses import in_words
from data_synthesis.trajectories.rehearsal.emulation import emulated
from data_synthesis.trajectories.rehearsal.proposer import chains, spelled_out
from data_synthesis.trajectories.rehearsal.script import Rehearsals

Reply = TypeVar("Reply", bound=BaseModel)

_GOOD = {"reason": "rehearsed: nobody has read it", "score": "1"}


class RehearsedTeacher:
    name = "rehearsed"

    def __init__(self, rehearsals: Rehearsals):
        self._rehearsals = rehearsals
        self._asked: Counter[str] = Counter()

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """
        Raises:
            TeacherError: nothing was written down, and no rule knows an answer.
        """
        self._asked[prompt.name] += 1
        if prompt.name not in _ANSWERS:
            raise TeacherError(f"no rehearsal of the question {prompt.name}")
        try:
            return prompt.response_model.model_validate(_ANSWERS[prompt.name](prompt, self._rehearsals))
        except ValidationError as error:
            raise TeacherError(
                f"the rehearsed answer to {prompt.name} is none: {error.errors()[0]['msg']}"
            ) from error

    def forget(self, prompt: Prompt[Any]) -> None:
        """Answers do not change, so there is nothing to forget."""

    def usage(self) -> dict[str, Any]:
        return dict(self._asked)

    async def close(self) -> None:
        """There is nothing to let go."""


def _propose(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    server: Any = prompt.variables["server"]
    tools: Any = prompt.variables["tools"]
    found = chains(server["title"], tools, rehearsals)
    return {
        "chains": [{"task": " then ".join(map(in_words, c)), "tools": c, "depends": "yes"} for c in found]
    }


def _vote(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    """For a server with rehearsals, whether there is a request for the chain."""
    server: Any = prompt.variables["server"]
    written = rehearsals.of_server(server["title"])
    good = not written or any(task.tools == prompt.variables["chain"] for task in written)
    return {"reason": "rehearsed" if good else "nobody wrote down a request for it", "is_valid": good}


def _there(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    """The request that is written down, or one that spells out the chain."""
    asked = {**prompt.variables, "language": "English"}
    reply = writer.write_task(Prompt("write_task", "1", asked, prompt.response_model), rehearsals)
    return {"question": reply["question"]}


def _back(prompt: Prompt[Any], rehearsals: Rehearsals) -> dict[str, Any]:
    tools: Any = prompt.variables["tools"]
    return {"tools": spelled_out(str(prompt.variables["question"]), tools, rehearsals)}


def _judge_calls(prompt: Prompt[Any], _: Rehearsals) -> dict[str, Any]:
    calls: Any = prompt.variables["calls"]
    return {"calls": [{"id": call["id"], "reason": "", "necessary": True} for call in calls]}


def _emulate(prompt: Prompt[Any], _: Rehearsals) -> dict[str, Any]:
    tool: Any = prompt.variables["tool"]
    call: Any = prompt.variables["call"]
    return {"result": emulated(tool, call, content_hash([tool["name"], call]))}


_ANSWERS: Mapping[str, Callable[[Prompt[Any], Rehearsals], dict[str, Any]]] = {
    "propose_chains": _propose,
    "vote_chain": _vote,
    "chain_to_request": _there,
    "request_to_chain": _back,
    "write_task": writer.write_task,
    "write_open_task": writer.write_task,
    "vary_diverse": writer.vary,
    "vary_complicate": writer.vary,
    "vary_persona": writer.vary,
    "score_task": lambda prompt, _: writer.score(prompt),
    "emulate_tool": _emulate,
    "judge_opening": lambda *_: {"query_understanding": _GOOD, "query_plan": _GOOD},
    "judge_round": lambda *_: {"tool_understanding": _GOOD, "tool_plan": _GOOD},
    "judge_calls": _judge_calls,
    "judge_answer": lambda *_: {"correlation": _GOOD, "summary": _GOOD},
}
