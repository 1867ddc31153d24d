"""The procedural teacher: answers the questions of the synthesis steps from arenas that it generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from data_synthesis.records import Arena, ArenaTool, GoldCall, Provenance, Question
from data_synthesis.teacher.interface import Prompt, TeacherError
from data_synthesis.teacher.procedural.arena import make_arenas
from data_synthesis.teacher.procedural.options import Options

Reply = TypeVar("Reply", bound=BaseModel)


class ProceduralTeacher:
    """Knows the answers because it made the questions: no model is asked, and none is imitated.

    Args:
        count: questions it knows; they and their answers depend only on the arguments.
        domains, options: as for `make_arenas`. Only arenas without variants have a single question to decompose,
            so the shares of variants are taken as 0.
    """

    name = "procedural"

    def __init__(
        self, count: int, *, seed: int, domains: Sequence[str] | None = None, options: Options | None = None
    ):
        options = replace(options or Options(), missing_function=0.0, missing_parameter=0.0)
        arenas = make_arenas(count, seed=seed, domains=domains, options=options)
        self._arenas = {arena.question: arena for arena in arenas}
        self._usage: Counter[str] = Counter()

    def questions(self) -> list[Question]:
        """The questions that can be answered, in the order in which they were generated."""
        return [
            Question(
                question=arena.question,
                domain=arena.domain,
                provenance=Provenance(teacher=self.name, seed=arena.provenance.seed),
            )
            for arena in self._arenas.values()
        ]

    async def ask(self, prompt: Prompt[Reply]) -> Reply:
        """The answer, from the arena of the prompt's main question.

        Raises:
            TeacherError: no such question or no such prompt is known, or the response model refuses the answer.
        """
        self._usage["asked"] += 1
        arena = self._arenas.get(str(prompt.variables.get("question")))
        answer = _ANSWERS.get(prompt.name)
        if arena is None or answer is None:
            self._usage["refused"] += 1
            about = "no generated question" if arena is None else f"{arena.question!r}"
            raise TeacherError(f"the procedural teacher cannot answer {prompt.name}, which is about {about}")
        try:
            return prompt.response_model.model_validate(answer(arena, prompt.variables))
        except ValidationError as error:
            self._usage["refused"] += 1
            raise TeacherError(f"{prompt.name}: {error.errors()[0]['msg']}") from error

    async def close(self) -> None:
        """There is nothing to let go."""

    def forget(self, prompt: Prompt[Any]) -> None:
        """Answers do not change, so there is nothing to forget."""

    def usage(self) -> dict[str, Any]:
        return {"asked": self._usage["asked"], "refused": self._usage["refused"]}


def _gold(arena: Arena, variables: dict[str, JsonValue]) -> tuple[GoldCall, ArenaTool]:
    """The gold call that a prompt about one sub-question is about, and its tool."""
    gold = next(gold for gold in arena.gold_calls if gold.id == variables["node"])
    return gold, next(tool for tool in arena.tools if tool.name == gold.tool)


def _decompose(arena: Arena, _: dict[str, JsonValue]) -> dict[str, Any]:
    levels: dict[int, int] = {}
    for gold in arena.gold_calls:
        levels[gold.id] = 1 + max((levels[parent] for parent in gold.depends_on), default=0)
    needed = {parent for gold in arena.gold_calls for parent in gold.depends_on}
    answers = [gold.expected for gold in arena.gold_calls if gold.id not in needed]
    sub_questions = [
        {
            "id": gold.id,
            "question": gold.question,
            "answer": gold.expected,
            "depends_on": gold.depends_on,
            "hop_level": levels[gold.id],
            "is_parallel": list(levels.values()).count(levels[gold.id]) > 1,
        }
        for gold in arena.gold_calls
    ]
    answer = answers[0] if len(answers) == 1 else answers
    return {"scenario": arena.scenario, "answer": answer, "sub_questions": sub_questions}


def _judge_all(verdict: str) -> Callable[[Arena, dict[str, JsonValue]], dict[str, Any]]:
    """Every sub-question needs its tool, and asks for one thing: that is how they are generated."""
    return lambda arena, _: {"judgements": [{"id": gold.id, verdict: True} for gold in arena.gold_calls]}


def _tool_document(arena: Arena, variables: dict[str, JsonValue]) -> dict[str, Any]:
    return {"tool": _gold(arena, variables)[1].spec.model_dump(include={"name", "description", "parameters"})}


def _tool_call(arena: Arena, variables: dict[str, JsonValue]) -> dict[str, Any]:
    gold, _ = _gold(arena, variables)
    return {"name": gold.tool, "arguments": gold.arguments}


def _tool_code(arena: Arena, variables: dict[str, JsonValue]) -> dict[str, Any]:
    return {"source": _gold(arena, variables)[1].source}


def _intent_clusters(arena: Arena, _: dict[str, JsonValue]) -> dict[str, Any]:
    by_tool: dict[str, list[int]] = {}
    for gold in arena.gold_calls:
        by_tool.setdefault(gold.tool, []).append(gold.id)
    return {"clusters": [{"intent": tool, "ids": ids} for tool, ids in by_tool.items()]}


def _merge_tool(arena: Arena, variables: dict[str, JsonValue]) -> dict[str, Any]:
    gold, tool = _gold(arena, variables)
    return {"source": tool.source, "arguments": gold.arguments}


_ANSWERS: dict[str, Callable[[Arena, dict[str, JsonValue]], dict[str, Any]]] = {
    "decompose": _decompose,
    "necessity": _judge_all("tool_necessity"),
    "verify_dependency": lambda arena, _: {"status": "matched"},
    "verify_atomicity": _judge_all("is_atomic"),
    "verify_sequential": lambda arena, _: {"forced": []},
    "verify_completeness": lambda arena, _: {"missing": []},
    "tool_document": _tool_document,
    "tool_scaling": _tool_document,
    "tool_call": _tool_call,
    "tool_code": _tool_code,
    "intent_clusters": _intent_clusters,
    "merge_tool": _merge_tool,
}
