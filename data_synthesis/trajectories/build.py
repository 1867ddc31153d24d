"""Servers to judged rows: graph, tasks, runs and judgements, as steps of one resumable pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from rich.console import Console

from data_synthesis.embedding.interface import Embedder
from data_synthesis.environments.wordings import Wording
from data_synthesis.pipeline import (
    Executor,
    Funnel,
    Policy,
    Rejected,
    Stage,
    Undecided,
    execute_here,
    run_stages,
)
from data_synthesis.pipeline.results import output_path, rejects_path
from data_synthesis.pipeline.steps import between, concatenate, one, outputs_before, whole_funnel
from data_synthesis.records import (
    AgentRun,
    Record,
    Task,
    TaskPlan,
    ToolChain,
    ToolGraph,
    ToolServer,
    content_hash,
    read_records,
)
from data_synthesis.trajectories.cast import Cast
from data_synthesis.trajectories.graph import (
    GraphSettings,
    VerifySettings,
    WalkSettings,
    page,
    propose,
    sample_chains,
    verify_chain,
)
from data_synthesis.trajectories.graph.wordings import PROPOSE, VERIFYING
from data_synthesis.trajectories.judge import AcceptSettings, JudgeSettings, accept, judge, whole
from data_synthesis.trajectories.judge.wordings import JUDGING
from data_synthesis.trajectories.runs.backends import Backends
from data_synthesis.trajectories.runs.emulated import EMULATE
from data_synthesis.trajectories.runs.loop import RunSettings, play
from data_synthesis.trajectories.servers import ServerTable
from data_synthesis.trajectories.tasks import (
    Persona,
    PlanSettings,
    ScoreSettings,
    distinct,
    open_chains,
    planned,
    samples_of,
    score_task,
    vary,
    write_task,
)
from data_synthesis.trajectories.tasks.wordings import SCORE, VARYING, WRITING

STEPS = ("propose", "walk", "verify", "write", "vary", "score", "distinct", "run", "judge", "accept")
_ALONE = "distinct"  # looks at all tasks together, so nothing passes it before everything has arrived


@dataclass(frozen=True)
class Settings:
    """What the rows depend on beside servers and cast.

    Args:
        attempts: answers asked for at most, by every step that checks an answer by rule.
        near_duplicate: Jaccard similarity from which on two requests are one.
        asked_with: role -> what its answers depend on beside the prompt, such as its temperature.
    """

    attempts: int = 3
    near_duplicate: float = 0.8
    graph: GraphSettings = field(default_factory=GraphSettings)
    walks: WalkSettings = field(default_factory=WalkSettings)
    verify: VerifySettings = field(default_factory=VerifySettings)
    plan: PlanSettings = field(default_factory=PlanSettings)
    scores: ScoreSettings = field(default_factory=ScoreSettings)
    run: RunSettings = field(default_factory=RunSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    accept: AcceptSettings = field(default_factory=AcceptSettings)
    asked_with: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, not {self.attempts}")
        if not 0 < self.near_duplicate <= 1:
            raise ValueError(f"near_duplicate must be over 0 and at most 1, not {self.near_duplicate:g}")


@dataclass(frozen=True)
class Company:
    """What the steps are done with: made once by each process that does them.

    Args:
        servers: the file that the intake wrote.
        personas: to draw from; without any they are put together.
        embedder: finds what can flow from tool to tool; without one names and schemas alone do.
    """

    cast: Cast
    backends: Backends
    servers: ServerTable
    personas: Sequence[Persona] = ()
    embedder: Embedder | None = None

    async def close(self) -> None:
        await self.cast.close()
        await self.backends.close()


SETTINGS, POLICY = Settings(), Policy()

MakeCompany = Callable[[], Company]
Spread = Callable[[Callable[[], Sequence[Stage[Any]]]], Executor]


def synthesise_trajectories(
    make_company: MakeCompany,
    out_dir: str | Path,
    *,
    from_step: str = STEPS[0],
    to_step: str = STEPS[-1],
    settings: Settings = SETTINGS,
    policy: Policy = POLICY,
    drawn: int = 50,
    console: Console | None = None,
    spread: Spread | None = None,
) -> Funnel:
    """Runs the steps from `from_step` to `to_step` on the servers of the company; killed and called again, it goes on.

    Writes `steps/STEP.jsonl` and `steps/STEP.rejects.jsonl` for each, `funnel.json`, and after the last step
    `rows.jsonl` and `rejects.jsonl` (those of all steps, with reasons). A run that broke is in the rejects, whole.
    It is tried again by the next call, unless it just came to no answer. `graphs.html` shows the first tool graphs.

    Args:
        make_company: called once here, and once by each worker of `spread`, to which it is sent by pickle.
        drawn: graphs at most in `graphs.html`.
        console: shows progress and, at the end, the funnel. Nothing is printed without one.
        spread: gives the executor of stages that are made elsewhere, such as `RayCluster.executor`.

    Returns:
        The funnel over all steps run so far in `out_dir`.

    Raises:
        PipelineError: unknown steps, nothing to start from, or an unusable `out_dir`.
    """
    out_dir = Path(out_dir)
    steps = out_dir / "steps"
    chosen = between(STEPS, from_step, to_step)
    company = make_company()
    executor = spread(partial(_made, make_company, settings)) if spread else execute_here

    async def run() -> Funnel:
        ran = Funnel()
        try:
            for group in _groups(chosen):
                if group == [_ALONE]:
                    ran.stages.append(distinct("score", steps, settings.near_duplicate))
                    continue
                stages = [stage for stage in stages_of(company, settings) if stage.name in group]
                inputs = _inputs(company, stages[0], steps)
                done = await run_stages(
                    stages, inputs, steps, policy=policy, console=console, executor=executor
                )
                ran.stages += done.stages
        finally:
            await company.close()
        return ran

    funnel = whole_funnel(out_dir / "funnel.json", STEPS, asyncio.run(run()))
    if STEPS[0] in chosen and drawn:
        _draw(company.servers, output_path(steps, STEPS[0]), drawn, out_dir / "graphs.html")
    if to_step == STEPS[-1]:
        concatenate([output_path(steps, STEPS[-1])], out_dir / "rows.jsonl")
        concatenate([rejects_path(steps, step) for step in STEPS], out_dir / "rejects.jsonl")
    if console:
        console.print(funnel.table("servers to judged rows"))
    return funnel


def _draw(servers: ServerTable, graphs: Path, most: int, out: Path) -> None:
    found = islice(read_records(graphs, ToolGraph), most)
    out.write_text(page((servers[graph.server_id].title, graph) for graph in found), encoding="utf-8")


def _made(make_company: MakeCompany, settings: Settings) -> Sequence[Stage[Any]]:
    return stages_of(make_company(), settings)


def _groups(chosen: Sequence[str]) -> list[list[str]]:
    """The steps that can run as one stream each, around the one that stands alone."""
    at = chosen.index(_ALONE) if _ALONE in chosen else len(chosen)
    groups = [list(chosen[:at]), list(chosen[at : at + 1]), list(chosen[at + 1 :])]
    return [group for group in groups if group]


def _inputs(company: Company, first: Stage[Any], steps: Path) -> Iterable[Record]:
    if first.name == STEPS[0]:
        return read_records(company.servers.path, ToolServer)
    return outputs_before(first, STEPS, steps)


def stages_of(company: Company, settings: Settings) -> list[Stage[Any]]:
    """All steps but the one that stands alone. A step's settings are what its output depends on beside its input."""
    s, cast, servers = settings, company.cast, company.servers
    embedder = company.embedder.name if company.embedder else None

    def who(words: Iterable[Wording], *roles: str, **options: Any) -> dict[str, JsonValue]:
        names = cast.names()
        asked = {role: [names[role], s.asked_with.get(role)] for role in roles}
        shown = {key: asdict(value) for key, value in options.items()}
        return {**asked, "prompts": [each.label for each in words], **shown, "attempts": s.attempts}

    async def proposed(server: ToolServer) -> Record:
        return await propose(server, cast.proposer, s.graph, company.embedder)

    async def walked(graph: ToolGraph) -> Sequence[Record]:
        return [*sample_chains(graph, s.walks), *open_chains(servers[graph.server_id], s.plan)]

    async def verified(chain: ToolChain) -> Sequence[Record]:
        good = await verify_chain(chain, servers[chain.server_id], cast.proposer, s.verify)
        return samples_of(good, s.plan)

    async def written(chain: ToolChain) -> Sequence[Record]:
        task = await write_task(chain, servers[chain.server_id], cast.writer, attempts=s.attempts)
        return planned(task, s.plan, company.personas)

    async def varied(plan: TaskPlan) -> Record:
        return await vary(plan, servers[plan.task.server_id], cast.writer, attempts=s.attempts)

    async def scored(task: Task) -> Record:
        return await score_task(task, servers[task.server_id], cast.writer, settings=s.scores)

    async def ran(task: Task) -> Record:
        return await _run(task, servers[task.server_id], company, s)

    async def judged(run: AgentRun) -> Record:
        found = await judge(run, cast.judge, s.judge)
        return found if s.accept.nulls else whole(found)

    async def accepted(run: AgentRun) -> Record:
        return accept(run, s.accept)

    return [
        Stage(
            "propose",
            ToolServer,
            one(proposed),
            {**who([PROPOSE], "proposer", graph=s.graph), "embedder": embedder},
        ),
        Stage("walk", ToolGraph, walked, {"walks": asdict(s.walks), "open": list(s.plan.open_tools)}),
        Stage(
            "verify",
            ToolChain,
            verified,
            {**who(VERIFYING, "proposer", verify=s.verify), "samples": s.plan.samples},
        ),
        Stage(
            "write",
            ToolChain,
            written,
            {**who(WRITING, "writer", plan=s.plan), "personas": _digest(company.personas)},
        ),
        Stage("vary", TaskPlan, one(varied), who(VARYING, "writer")),
        Stage("score", Task, one(scored), who([SCORE], "writer", scores=s.scores)),
        Stage(
            "run",
            Task,
            one(ran),
            {**who([EMULATE], "agent", "emulator", run=s.run), **company.backends.settings()},
        ),
        Stage("judge", AgentRun, one(judged), who(JUDGING, "judge", judge=s.judge)),
        Stage("accept", AgentRun, one(accepted), {"accept": asdict(s.accept)}, remembered=False),
    ]


def _digest(personas: Sequence[Persona]) -> str | None:
    return content_hash([each.model_dump(mode="json") for each in personas]) if personas else None


async def _run(task: Task, server: ToolServer, company: Company, settings: Settings) -> AgentRun:
    """
    Raises:
        Rejected: `max_calls`: the agent came to no answer. The run is kept.
        Undecided: the run broke for another reason, which is its code. The run is kept.
    """
    async with company.backends.opened(task, server) as backend:
        run = await play(task, server, company.cast.agent, backend, settings.run)
    if run.outcome == "max_calls":
        raise Rejected(run.outcome, run.problem, kept=run)
    if run.status == "broken":
        raise Undecided(run.outcome, run.problem, kept=run)
    return run
