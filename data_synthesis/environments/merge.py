"""Step 5: needs that one parameterised tool can serve share one, inserted one by one and replayed each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from data_synthesis.arenas import schema
from data_synthesis.environments import prompts
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.documents import document_problem, narrowing_problem
from data_synthesis.environments.replies import IntentClustersReply, MergedToolReply
from data_synthesis.environments.trial import problem_of
from data_synthesis.environments.wordings import MERGE_TOOL
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Arena, ArenaTool, GoldCall, Provenance, ToolSpec
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher, TeacherError


async def merge(
    arena: Arena, teacher: Teacher, sandbox: Sandbox, *, attempts: int, call_seconds: float
) -> Arena:
    """The arena with fewer tools where that works. What cannot be merged keeps its own tool, and
    `provenance.unmerged` says why.

    Args:
        attempts: answers asked for at most, for the clusters and for each insertion.
        call_seconds: wall-clock seconds of one tool call.

    Raises:
        SandboxUnavailable: undecided.
    """
    if len(arena.tools) == 1:
        return arena
    merger = _Merger(arena, teacher, sandbox, attempts, call_seconds)
    for ids in await merger.clusters():
        for new in ids[1:]:
            await merger.insert(new, into=ids[0])
    return merger.result()


@dataclass
class _Merger:
    arena: Arena
    teacher: Teacher
    sandbox: Sandbox
    attempts: int
    call_seconds: float
    unmerged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tools = {tool.name: tool for tool in self.arena.tools}
        self.calls = {call.id: call for call in self.arena.gold_calls}

    async def clusters(self) -> list[list[int]]:
        def check(reply: IntentClustersReply) -> str:
            return coverage_problem(reply, sorted(self.calls))

        pairs = [(call, self.tools[call.tool].spec) for call in self.calls.values()]
        prompt = prompts.intent_clusters(self.arena.question, pairs)
        try:
            reply = await ask_until(
                self.teacher, prompt, check, attempts=self.attempts, reason="bad_clusters"
            )
        except (TeacherError, Rejected) as error:
            self.unmerged.append(f"all: {error}")
            return []
        return [sorted(cluster.ids) for cluster in reply.clusters]

    async def insert(self, new_id: int, *, into: int) -> None:
        new, base = self.calls[new_id], self.tools[self.calls[into].tool]
        if new.tool == base.name:
            return
        cases = [call for call in self.calls.values() if call.tool == base.name]

        def check(reply: MergedToolReply) -> str:
            return self._problem(reply, base, cases, new)

        prompt = prompts.merge_tool(self.arena.question, base.spec, base.source, cases, new)
        try:
            reply = await ask_until(self.teacher, prompt, check, attempts=self.attempts, reason="no_merge")
        except (TeacherError, Rejected) as error:
            self.unmerged.append(f"sub-question {new_id}: {error}")
            return
        self.tools[base.name] = ArenaTool(spec=_spec(reply, base), source=reply.source)
        self.calls[new_id] = _moved(new, base, reply)

    def _problem(
        self, reply: MergedToolReply, base: ArenaTool, cases: Sequence[GoldCall], new: GoldCall
    ) -> str:
        spec = _spec(reply, base)
        problems = _document_problems(reply, base) or schema.problems(reply.arguments, spec.parameters)
        if problems:
            return "; ".join(problems)
        for call in (*cases, _moved(new, base, reply)):
            if problem := problem_of(call, reply.source, self.sandbox, deadline=self.call_seconds):
                return f"for sub-question {call.id}, {problem}"
        return ""

    def result(self) -> Arena:
        calls = list(self.calls.values())
        used = dict.fromkeys(call.tool for call in calls)
        origin = {
            "parents": self.arena.provenance.parents,
            "teacher": self.teacher.name,
            "prompt_version": MERGE_TOOL.label,
        }
        provenance = Provenance.model_validate(
            origin | ({"unmerged": self.unmerged} if self.unmerged else {})
        )
        changes = {
            "tools": [self.tools[name] for name in used],
            "gold_calls": calls,
            "provenance": provenance,
        }
        return Arena(**self.arena.model_dump(exclude={"id", *changes}) | changes)


def coverage_problem(reply: IntentClustersReply, ids: Sequence[int]) -> str:
    """What keeps the clusters from being a partition of `ids`; empty if nothing does."""
    counts = Counter(i for cluster in reply.clusters for i in cluster.ids)
    if unknown := sorted(set(counts) - set(ids)):
        return f"no sub-question has the id {unknown[0]}"
    if missing := sorted(set(ids) - set(counts)):
        return f"sub-questions {missing} are in no group"
    if twice := sorted(i for i, count in counts.items() if count > 1):
        return f"sub-questions {twice} are in more than one group"
    return ""


def _spec(reply: MergedToolReply, base: ArenaTool) -> ToolSpec:
    return ToolSpec(**reply.tool.model_dump()) if reply.tool else base.spec


def _moved(new: GoldCall, base: ArenaTool, reply: MergedToolReply) -> GoldCall:
    return new.model_copy(update={"tool": base.name, "arguments": reply.arguments})


def _document_problems(reply: MergedToolReply, base: ArenaTool) -> list[str]:
    if reply.tool is None:
        return []
    return list(filter(None, [document_problem(reply.tool) or narrowing_problem(reply.tool, base.spec)]))
