"""Seven scores of a run. Rules decide where they can, a teacher elsewhere, and who fails leaves null."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.lineage import descended
from data_synthesis.pipeline import Rejected
from data_synthesis.records import AgentRun, Judgement, ToolCall
from data_synthesis.teacher.interface import Teacher, TeacherError
from data_synthesis.trajectories.judge import prompts
from data_synthesis.trajectories.judge.faults import hidden_failures, invented_urls, wrong_language
from data_synthesis.trajectories.judge.replies import (
    AnswerReply,
    CallsReply,
    OpeningReply,
    RoundReply,
    Verdict,
)
from data_synthesis.trajectories.judge.rounds import SUCCEEDED, Round, answer, call_faults, rounds
from data_synthesis.trajectories.judge.settings import DIMENSIONS, OVERALL, JudgeSettings
from data_synthesis.trajectories.judge.wordings import ANSWER

T = TypeVar("T")

_CALLS_MADE = ("tool_understanding", "tool_plan", "tool_status", "conciseness")
_IDLE = "no tool was called for a request that needs some"
_NOTHING_TO_JUDGE = "there is nothing to judge"


async def judge(run: AgentRun, teacher: Teacher, settings: JudgeSettings) -> AgentRun:
    """The run with its judgements and scores; `scores` holds the seven and their `overall`, null where one of them is.

    Raises:
        Rejected: `broken_run`: it is not judged. `lost_events`: nobody knows what became of a call.
        TeacherGone: nothing can be asked any more.
    """
    if run.status == "broken":
        raise Rejected("broken_run", f"{run.outcome}: {run.problem}")
    try:
        found = rounds(run)
    except ValueError as error:
        raise Rejected("lost_events", str(error)) from error
    opening, reactions, needed, final = await asyncio.gather(
        _opening(run, teacher, settings),
        _reactions(run, found, teacher, settings),
        _conciseness(run, found, teacher, settings),
        _final_answer(run, found, teacher, settings),
    )
    judgements = {**opening, **reactions, "conciseness": needed, "final_answer": final}
    judgements["tool_status"] = _tool_status(found, settings)
    if not found and run.task.target_tools:
        judgements |= {name: Judgement(score=0.0, by="rule", reason=_IDLE) for name in _CALLS_MADE}
    scores = {name: judgements[name].score for name in DIMENSIONS}
    scores[OVERALL] = _overall(scores, bool(faults(run, found)), settings)
    ordered = {name: judgements[name] for name in DIMENSIONS}
    # It stays the agent's, whose seed is kept too.
    provenance = run.provenance.model_copy(update={"prompt_version": ANSWER.label})
    return descended(run, provenance, judgements=ordered, scores=scores, judge=teacher.name)


def faults(run: AgentRun, found: Sequence[Round]) -> list[str]:
    """What a rule finds wrong with the answer, one sentence each."""
    said = answer(run)
    if said is None:
        return ["there is no answer"]
    wrong = [
        f"the address {url} comes from no request, result or tool document"
        for url in invented_urls(run, said)
    ]
    wrong += ["the answer is in another language than the request"] if wrong_language(run, said) else []
    wrong += [f"{name} failed for good, and the answer says nothing of it" for name in _hidden(run, found)]
    return wrong


def _hidden(run: AgentRun, found: Sequence[Round]) -> list[str]:
    said = answer(run)
    return hidden_failures(run, found, said) if said else []


def _overall(scores: dict[str, float | None], faulty: bool, settings: JudgeSettings) -> float | None:
    known = [score for score in scores.values() if score is not None]
    if len(known) < len(DIMENSIONS):
        return None
    mean = sum(known) / len(known)
    return min(mean, settings.fault_cap) if faulty else mean


def _tool_status(found: Sequence[Round], settings: JudgeSettings) -> Judgement:
    """From what the executor says, never from a text."""
    went = [event.status in SUCCEEDED for each in found for event in each.events]
    parts = [1.0 if succeeded else settings.failed_call for succeeded in went]
    return _mean("rule", parts, f"{sum(went)} of {len(went)} calls succeeded")


async def _opening(run: AgentRun, teacher: Teacher, settings: JudgeSettings) -> dict[str, Judgement]:
    names = ("query_understanding", "query_plan")
    first = next((i for i, message in enumerate(run.messages) if message.role == "assistant"), None)
    if first is None:
        return {name: Judgement(score=0.0, by="rule", reason="the assistant says nothing") for name in names}
    reply: OpeningReply | str = await _or_why(teacher.ask(prompts.opening(run, first, settings)))
    return {name: _judged(reply if isinstance(reply, str) else getattr(reply, name)) for name in names}


async def _reactions(
    run: AgentRun, found: Sequence[Round], teacher: Teacher, settings: JudgeSettings
) -> dict[str, Judgement]:
    """The mean over all rounds but the first, and the answer's where results came before it and failures are hidden. A
    call of the first round that fits no tool counts for the plan too, as no judge needs to be asked about it.
    """
    bad = call_faults(run, found)
    later = found[1:]
    replies: list[RoundReply | str] = await asyncio.gather(
        *(_or_why(teacher.ask(prompts.round_(run, each.end, settings))) for each in later)
    )
    understood = [_value(reply, "tool_understanding") for reply in replies]
    planned = [
        0.0 if any(call.id in bad for call in each.calls) else _value(reply, "tool_plan")
        for each, reply in zip(later, replies, strict=True)
    ]
    if any(call.id in bad for each in found[:1] for call in each.calls):
        planned.insert(0, 0.0)
    if hidden := _hidden(run, found):
        understood.append(0.0)
    why = "; ".join(_why(reply) for reply in replies)
    ignored = [f"the failure of {name} was ignored" for name in hidden]
    return {
        "tool_understanding": _mean("model", understood, "; ".join(filter(None, [why, *ignored]))),
        "tool_plan": _mean("model", planned, "; ".join(filter(None, [why, *bad.values()]))),
    }


async def _conciseness(
    run: AgentRun, found: Sequence[Round], teacher: Teacher, settings: JudgeSettings
) -> Judgement:
    calls = [call for each in found for call in each.calls]
    bad = call_faults(run, found)
    open_ = [call for call in calls if call.id not in bad]
    verdicts: dict[str, float | None] = {call.id: 0.0 for call in calls}
    why = list(bad.values())
    if open_:
        reply = await _or_why(_calls(run, open_, teacher, settings))
        if isinstance(reply, str):
            why.append(reply)
            verdicts |= dict.fromkeys((call.id for call in open_), None)
        else:
            verdicts |= {each.id: float(each.necessary) for each in reply.calls}
            why += [each.reason for each in reply.calls if not each.necessary]
    return _mean("model" if open_ else "rule", list(verdicts.values()), "; ".join(filter(None, why)))


async def _calls(
    run: AgentRun, asked: Sequence[ToolCall], teacher: Teacher, settings: JudgeSettings
) -> CallsReply:
    ids = [call.id for call in asked]

    def check(reply: CallsReply) -> str:
        judged = [each.id for each in reply.calls]
        return "" if judged == ids else f"the verdicts are about {judged}, the calls are {ids}"

    prompt = prompts.calls(run, asked, settings)
    return await ask_until(
        teacher, prompt, check, attempts=settings.attempts, reason="unusable_judgement", decides=False
    )


async def _final_answer(
    run: AgentRun, found: Sequence[Round], teacher: Teacher, settings: JudgeSettings
) -> Judgement:
    """The mean of how it answers the request and how it tells the results. A rule's zero asks nobody."""
    said = answer(run)
    if said is None:
        return Judgement(score=0.0, by="rule", reason="there is no answer", parts=[0.0, 0.0])
    hidden = bool(_hidden(run, found))
    no_correlation = wrong_language(run, said) or hidden
    no_summary = bool(invented_urls(run, said)) or hidden
    why = faults(run, found)
    if no_correlation and no_summary:
        return Judgement(score=0.0, by="rule", reason="; ".join(why), parts=[0.0, 0.0])
    reply: AnswerReply | str = await _or_why(teacher.ask(prompts.answer(run, settings)))
    parts = [
        0.0 if no_correlation else _value(reply, "correlation"),
        0.0 if no_summary else _value(reply, "summary"),
    ]
    return _mean("model", parts, "; ".join(filter(None, [*why, _why(reply)])))


async def _or_why(asked: Awaitable[T]) -> T | str:
    """The reply, or why there is none."""
    try:
        return await asked
    except (TeacherError, Rejected) as error:
        return f"the judge failed: {error}"


def _judged(verdict: Verdict | str) -> Judgement:
    if isinstance(verdict, str):
        return Judgement(score=None, by="model", reason=verdict)
    return Judgement(score=verdict.value, by="model", reason=verdict.reason)


def _value(reply: RoundReply | AnswerReply | str, name: str) -> float | None:
    return None if isinstance(reply, str) else getattr(reply, name).value


def _why(reply: RoundReply | AnswerReply | str) -> str:
    if isinstance(reply, str):
        return reply
    return "; ".join(
        f"{name}: {each['reason']}" for name, each in reply.model_dump().items() if each["reason"]
    )


def _mean(by: str, parts: Sequence[float | None], reason: str) -> Judgement:
    """Null as soon as a part is. 1 by rule where there is no part: a run of one round has no later ones to fail in."""
    if not parts:
        return Judgement(score=1.0, by="rule", reason=_NOTHING_TO_JUDGE)
    known = [part for part in parts if part is not None]
    score = sum(known) / len(parts) if len(known) == len(parts) else None
    return Judgement.model_validate({"score": score, "by": by, "reason": reason, "parts": list(parts)})
