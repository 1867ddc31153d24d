"""The run of an agent that knows the gold calls: what SFT shows a model before RL lets it try."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from data_synthesis.arenas.backend import ParsedCall
from data_synthesis.arenas.episode import ArenaBackend, follow_up_message
from data_synthesis.arenas.scoring import contains_answer
from data_synthesis.records import Arena, GoldCall, Message, Provenance, ToolCall, Trajectory
from data_synthesis.sandbox.interface import Sandbox


class UnsolvedArena(ValueError):
    """The gold calls do not solve the arena, or it has no final answer: nothing can be shown."""


def oracle_trajectories(
    arenas: Iterable[Arena], sandbox: Sandbox, *, seed: int = 0, double_checks: float = 0.0, workers: int = 2
) -> Iterator[Trajectory]:
    """`oracle_trajectory` of each arena, in order, `workers` at a time.

    Raises:
        UnsolvedArena, InfrastructureFailure: as `oracle_trajectory`.
    """
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(
            lambda arena: oracle_trajectory(arena, sandbox, seed=seed, double_checks=double_checks), arenas
        )


def oracle_trajectory(
    arena: Arena,
    sandbox: Sandbox,
    *,
    seed: int = 0,
    with_distractors: bool = True,
    double_checks: float = 0.0,
) -> Trajectory:
    """Plays the gold calls, one layer of their DAG a turn, and gives the arena's final answer.

    Calls of one layer are parallel calls of one turn. In a variant the agent does what it can, says what it lacks,
    and goes on after the user's follow-up. Tool outputs are real. There is no system message; `tools` are those that
    the agent is shown at the start, in the order of an episode with the same seed.

    Args:
        double_checks: how likely the agent makes its last call a second time before it answers. Nobody needs that
            call, and it costs precision: a habit for RL to unlearn.

    Raises:
        UnsolvedArena: the gold calls do not solve the arena, or it has no final answer.
        InfrastructureFailure: the sandbox failed.
    """
    if not arena.final_answer:
        raise UnsolvedArena(f"arena {arena.id} has no final answer to end a trajectory with")
    backend = ArenaBackend(arena, sandbox, seed=seed, with_distractors=with_distractors)
    try:
        tools = backend.tools()
        messages = list(_conversation(arena, backend))
        if backend.score().f1 < 1:
            raise UnsolvedArena(
                f"the gold calls of arena {arena.id} do not solve it; run `astra arenas verify` on it"
            )
        if random.Random(f"{seed} {arena.id}").random() < double_checks:
            messages[-1:-1] = _second_look(messages, backend)
    finally:
        backend.close()
    return Trajectory(
        messages=messages,
        tools=tools,
        domain=arena.domain,
        provenance=Provenance(parents=[arena.id], teacher=arena.provenance.teacher, seed=seed),
    )


def _conversation(arena: Arena, backend: ArenaBackend) -> Iterator[Message]:
    yield Message(role="user", content=arena.question)
    waiting, turn = list(arena.gold_calls), 0
    untold = _untold(arena)  # arguments that only the follow-up tells, by gold id
    while waiting:
        ready = _ready(waiting, backend, untold)
        if ready:
            yield from _turn([_call(gold) for gold in ready], backend, turn)
            waiting = [gold for gold in waiting if gold not in ready]
            turn += 1
            continue
        missing = _what_is_missing(waiting, untold, backend)  # asked before the follow-up reveals it
        if follow_up := backend.follow_up():
            yield Message(role="assistant", content=missing)
            yield follow_up_message(follow_up, backend.revealed(follow_up))
            untold = {}
        else:
            raise UnsolvedArena(
                f"arena {arena.id}: no way to reach gold calls {[gold.id for gold in waiting]}"
            )
        turn += 1
    yield Message(role="assistant", content=arena.final_answer)


def _second_look(messages: Sequence[Message], backend: ArenaBackend) -> list[Message]:
    """The last call made once more, as a turn of its own."""
    made = [call for message in messages for call in message.tool_calls]
    again = made[-1].model_copy(update={"id": f"{made[-1].id}_again"})
    turn = sum(message.role == "assistant" for message in messages) - 1  # the answer's turn moves back by one
    return list(_turn([again], backend, turn))


def _ready(waiting: Sequence[GoldCall], backend: ArenaBackend, untold: dict[int, str]) -> list[GoldCall]:
    callable_now = {spec.name for spec in backend.tools()}
    open_ids = {gold.id for gold in waiting}
    free = [gold for gold in waiting if not open_ids & set(gold.depends_on)]
    return [gold for gold in free if gold.tool in callable_now and gold.id not in untold]


def _call(gold: GoldCall) -> ToolCall:
    return ToolCall(id=f"call_{gold.id}", name=gold.tool, arguments=gold.arguments)


def _turn(calls: Sequence[ToolCall], backend: ArenaBackend, turn: int) -> Iterator[Message]:
    """One assistant message with all the calls, then one message for each output."""
    yield Message(role="assistant", tool_calls=list(calls))
    parsed = [ParsedCall(call.id, call.name, dict(call.arguments)) for call in calls]
    for event in backend.execute(parsed, turn):
        yield Message(role="tool", content=event.output, tool_call_id=event.call_id)


def _untold(arena: Arena) -> dict[int, str]:
    """Gold call id -> the argument that only a follow-up tells. Where it cannot be found, every call waits for it."""
    if arena.variant != "missing_parameter":
        return {}
    told_later = [follow_up.content for follow_up in arena.follow_ups]
    found = {
        gold.id: name
        for gold in arena.gold_calls
        for name, value in gold.arguments.items()
        if any(contains_answer(text, value) for text in told_later)
        and not contains_answer(arena.question, value)
    }
    return found or {gold.id: "" for gold in arena.gold_calls}


def _what_is_missing(waiting: Sequence[GoldCall], untold: dict[int, str], backend: ArenaBackend) -> str:
    name = next((untold[gold.id] for gold in waiting if untold.get(gold.id)), "")
    if name:
        return f"Before I can go on, please tell me the {name.replace('_', ' ')}."
    if untold:
        return "Your request leaves out a detail that I need. Could you give it to me?"
    callable_now = {spec.name for spec in backend.tools()}
    question = next((gold.question for gold in waiting if gold.tool not in callable_now), "")
    return (
        f"None of my tools can answer this: {question}"
        if question
        else "I have no tool for what is left to do."
    )
