"""One sub-question's tool: document, complexity scaling, call, code, and a check in the sandbox, within a budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from data_synthesis.arenas import schema
from data_synthesis.environments import prompts
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.documents import document_problem, narrowing_problem
from data_synthesis.environments.replies import ToolCallReply, ToolCodeReply, ToolDocumentReply
from data_synthesis.environments.trial import problem_of
from data_synthesis.pipeline import Rejected
from data_synthesis.records import ArenaTool, Decomposition, GoldCall, SubQuestion, ToolSpec
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Prompt, Teacher

R = TypeVar("R", bound=BaseModel)

_REMEMBERED = 4  # refusals of one kind that a teacher is reminded of


@dataclass(frozen=True)
class Budget:
    """What a node may take: answers of the teacher that are of the right form, and seconds of its tool.

    Args:
        answers: to all questions together, those that are refused for their content included. A server's answers
            that are not even of the right form are counted by its own `attempts`, on top.
        documents: to the question for a document, and as many to the one for a richer document.
        calls: to the question for a call.
        codes: to the question for code that answers one call.
        rounds: calls; when no code answers one, another is asked for (the paper restarts there too).
        call_seconds: wall clock of one call of the tool.

    Raises:
        ValueError: one of them allows nothing.
    """

    answers: int = 12
    documents: int = 2
    calls: int = 2
    codes: int = 3
    rounds: int = 2
    call_seconds: float = 2.0

    def __post_init__(self) -> None:
        counts = {name: value for name, value in vars(self).items() if name != "call_seconds"}
        if small := [name for name, value in counts.items() if value < 1]:
            raise ValueError(f"{small[0]} of a budget must be 1 or more, not {counts[small[0]]}")
        if self.call_seconds <= 0:
            raise ValueError(f"call_seconds must be more than 0, not {self.call_seconds:g}")


@dataclass
class Node:
    """Asks for the tool of `sub`, and remembers what was refused."""

    whole: Decomposition
    sub: SubQuestion
    teacher: Teacher
    sandbox: Sandbox
    budget: Budget
    _answered: Counter[str] = field(default_factory=Counter)
    _refused: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def equip(self) -> tuple[ArenaTool, GoldCall]:
        """A tool, and the call of it that answers.

        Raises:
            Rejected: `no_tool_document`, `no_tool_call` or `no_working_code`.
            TeacherError, SandboxUnavailable: undecided.
        """
        spec = await self._scaled(await self._document())
        trouble = Rejected("no_working_code", "the budget allows no call")
        for _ in range(self.budget.rounds):
            call = await self._call(spec)
            try:
                return ArenaTool(spec=spec, source=await self._code(spec, call)), call
            except Rejected as no:
                trouble = no
                self._refused["tool_call"].append(f"no code was found that answers it: {no.detail}")
        raise trouble

    async def _document(self) -> ToolSpec:
        def check(reply: ToolDocumentReply) -> str:
            return document_problem(reply.tool, self.sub.answer)

        prompt = prompts.tool_document(self.whole, self.sub)
        reply = await self._ask(prompt, check, self.budget.documents, "no_tool_document")
        return ToolSpec(**reply.tool.model_dump())

    async def _scaled(self, spec: ToolSpec) -> ToolSpec:
        """A richer document of the same tool; the plain one where none holds."""

        def check(reply: ToolDocumentReply) -> str:
            return document_problem(reply.tool, self.sub.answer) or narrowing_problem(reply.tool, spec)

        prompt = prompts.tool_scaling(self.whole, self.sub, spec)
        try:
            reply = await self._ask(prompt, check, self.budget.documents, "no_tool_document")
        except Rejected:
            return spec
        return ToolSpec(**reply.tool.model_dump())

    async def _call(self, spec: ToolSpec) -> GoldCall:
        def check(reply: ToolCallReply) -> str:
            if reply.name != spec.name:
                return f"the call is of {reply.name}, the tool is {spec.name}"
            return "; ".join(schema.problems(reply.arguments, spec.parameters))

        prompt = prompts.tool_call(self.whole, self.sub, spec)
        reply = await self._ask(prompt, check, self.budget.calls, "no_tool_call")
        return GoldCall(
            id=self.sub.id,
            tool=spec.name,
            arguments=reply.arguments,
            expected=self.sub.answer,
            question=self.sub.question,
            depends_on=self.sub.depends_on,
        )

    async def _code(self, spec: ToolSpec, call: GoldCall) -> str:
        def check(reply: ToolCodeReply) -> str:
            return problem_of(call, reply.source, self.sandbox, deadline=self.budget.call_seconds)

        prompt = prompts.tool_code(self.whole, self.sub, spec, call.arguments)
        return (await self._ask(prompt, check, self.budget.codes, "no_working_code")).source

    async def _ask(self, prompt: Prompt[R], check: Callable[[R], str], most: int, reason: str) -> R:
        """The first answer that holds, of `most` and of what the node has left."""
        name, refused = prompt.name, self._refused[prompt.name]

        def counted(reply: Any) -> str:
            self._answered[name] += 1
            if problem := check(reply):
                refused.append(problem)
            return problem

        left = self.budget.answers - self._answered.total()
        if left <= 0:
            raise Rejected(
                reason, f"the {self.budget.answers} answers for sub-question {self.sub.id} are used up"
            )
        begun = replace(prompt, attempt=self._answered[name], feedback=tuple(refused[-_REMEMBERED:]))
        return await ask_until(self.teacher, begun, counted, attempts=min(most, left), reason=reason)
