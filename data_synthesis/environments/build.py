"""Seeds to proved arenas: the five steps, the cut and the proof, as stages of one resumable pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from rich.console import Console

from data_synthesis.arenas import proof
from data_synthesis.arenas.settings import VERSION, ProofSettings
from data_synthesis.environments import wordings as w
from data_synthesis.environments.cut import cut, quantile
from data_synthesis.environments.decompose import decompose
from data_synthesis.environments.merge import merge
from data_synthesis.environments.necessity import judge_necessity
from data_synthesis.environments.node import Budget
from data_synthesis.environments.synthesise import synthesise
from data_synthesis.environments.verify import verify
from data_synthesis.environments.wordings import Wording
from data_synthesis.environments.workers import Workers
from data_synthesis.pipeline import Funnel, Policy, Rejected, Stage, execute_here, run_stages
from data_synthesis.pipeline.results import output_path, rejects_path
from data_synthesis.pipeline.steps import between, concatenate, one, outputs_before, whole_funnel
from data_synthesis.records import Arena, Decomposition, Record, Seed, read_records
from data_synthesis.sandbox.interface import Sandbox
from data_synthesis.teacher.interface import Teacher

STEPS = ("decompose", "necessity", "verify", "cut", "synthesise", "merge", "prove")


@dataclass(frozen=True)
class Settings:
    """What the arenas depend on beside seeds and teacher.

    Args:
        attempts: answers asked for at most, by every step but `synthesise`, which has a budget of its own.
        minimum_score: the mean of the four scores that a decomposition must reach. The paper names no value;
            0.85 is the one in the example command of its code.
        score_quantile: cuts at this quantile of the run's own means instead, once all are known: 0.9 keeps the best
            tenth, as upstream's guide says; its launcher takes 0.85.
        budget: of each node in `synthesise`.
        proof: what `prove` demands.
        asked_with: what a teacher's answers depend on beside the prompt, such as its temperature. As with all the
            others, another value needs another folder.
    """

    attempts: int = 3
    minimum_score: float = 0.85
    score_quantile: float | None = None
    budget: Budget = field(default_factory=Budget)
    proof: ProofSettings = field(default_factory=ProofSettings)
    asked_with: Mapping[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, not {self.attempts}")
        if not 0 <= self.minimum_score <= 1:
            raise ValueError(f"minimum_score must be within 0 and 1, not {self.minimum_score:g}")
        if self.score_quantile is not None and not 0 <= self.score_quantile < 1:
            raise ValueError(f"score_quantile must be at least 0 and under 1, not {self.score_quantile:g}")


SETTINGS, POLICY = Settings(), Policy()


def synthesise_arenas(
    seeds: Iterable[Seed],
    teacher: Teacher,
    sandbox: Sandbox,
    out_dir: str | Path,
    *,
    from_step: str = STEPS[0],
    to_step: str = STEPS[-1],
    settings: Settings = SETTINGS,
    policy: Policy = POLICY,
    console: Console | None = None,
    workers: Workers | None = None,
) -> Funnel:
    """Runs the steps from `from_step` to `to_step`; killed and called again, it goes on.

    Writes `steps/STEP.jsonl` and `steps/STEP.rejects.jsonl` for each, `funnel.json`, and after the proof
    `arenas.jsonl` and `rejects.jsonl` (those of all steps, with their reasons).

    Args:
        seeds: read only where the run begins with the first step; a later one takes what the step before
            it left in `out_dir`.
        teacher: is closed at the end.
        console: shows progress and, at the end, the funnel. Nothing is printed without one.
        workers: do the steps, each with a teacher and a sandbox of its own; `teacher` and `sandbox` are then only
            named in the journals.

    Returns:
        The funnel over all steps run so far in `out_dir`.

    Raises:
        PipelineError: unknown steps, nothing to start from, or an unusable `out_dir`.
    """
    out_dir = Path(out_dir)
    steps = out_dir / "steps"
    chosen = between(STEPS, from_step, to_step)

    async def run() -> Funnel:
        ran = Funnel()
        for group in _groups(chosen, settings):
            minimum = _minimum(settings, steps) if "cut" in group else 0.0
            make = partial(_stages, settings=settings, minimum=minimum)
            stages = [stage for stage in make(teacher, sandbox) if stage.name in group]
            inputs = seeds if group[0] == STEPS[0] else outputs_before(stages[0], STEPS, steps)
            executor = workers.executor(make) if workers else execute_here
            group_ran = await run_stages(
                stages, inputs, steps, policy=policy, console=console, executor=executor
            )
            ran.stages += group_ran.stages
        return ran

    ran = asyncio.run(_asked(teacher, run()))
    funnel = whole_funnel(out_dir / "funnel.json", STEPS, ran)
    if to_step == STEPS[-1]:
        concatenate([output_path(steps, STEPS[-1])], out_dir / "arenas.jsonl")
        concatenate([rejects_path(steps, step) for step in STEPS], out_dir / "rejects.jsonl")
    if console:
        console.print(funnel.table("seeds to proved arenas"))
    return funnel


async def _asked(teacher: Teacher, run: Awaitable[Funnel]) -> Funnel:
    try:
        return await run
    finally:
        await teacher.close()


def _groups(chosen: Sequence[str], settings: Settings) -> list[Sequence[str]]:
    """The steps that can run as one stream: before a quantile is cut, everything must have its score."""
    if settings.score_quantile is None or "cut" not in chosen:
        return [chosen]
    before = chosen.index("cut")
    return [group for group in (chosen[:before], chosen[before:]) if group]


def _minimum(settings: Settings, steps: Path) -> float:
    scored = output_path(steps, "verify")
    if settings.score_quantile is None or not scored.exists():
        return settings.minimum_score
    return quantile(read_records(scored, Decomposition), settings.score_quantile)


def _stages(teacher: Teacher, sandbox: Sandbox, settings: Settings, minimum: float) -> list[Stage[Any]]:
    attempts, budget = settings.attempts, settings.budget
    asking = partial(_asking, teacher, {"teacher": teacher.name, **settings.asked_with})
    synthesising, merging = partial(synthesise, sandbox=sandbox), partial(merge, sandbox=sandbox)
    judges = (w.VERIFY_DEPENDENCY, w.VERIFY_ATOMICITY, w.VERIFY_SEQUENTIAL, w.VERIFY_COMPLETENESS)
    tool = (w.TOOL_DOCUMENT, w.TOOL_SCALING, w.TOOL_CALL, w.TOOL_CODE)
    merged = (w.INTENT_CLUSTERS, w.MERGE_TOOL)
    asked = w.DECOMPOSE_BY_MODE.values()
    seconds = budget.call_seconds
    return [
        asking("decompose", Seed, decompose, asked, attempts=attempts),
        asking("necessity", Decomposition, judge_necessity, [w.NECESSITY], attempts=attempts),
        asking("verify", Decomposition, verify, judges, attempts=attempts),
        Stage("cut", Decomposition, one(partial(cut, minimum=minimum)), remembered=False),
        asking("synthesise", Decomposition, synthesising, tool, budget=budget),
        asking("merge", Arena, merging, merged, attempts=attempts, call_seconds=seconds),
        Stage(
            "prove",
            Arena,
            one(partial(prove, sandbox=sandbox, settings=settings.proof)),
            {"version": VERSION, **asdict(settings.proof)},
        ),
    ]


def _asking(
    teacher: Teacher,
    who: Mapping[str, JsonValue],
    name: str,
    takes: type[Record],
    step: Callable[..., Awaitable[Record]],
    words: Iterable[Wording],
    **options: Any,
) -> Stage[Any]:
    """A stage that asks a teacher; whom, what and with which options is what its output depends on."""
    shown = {key: asdict(value) if isinstance(value, Budget) else value for key, value in options.items()}
    settings = {**who, "prompts": [each.label for each in words], **shown}
    return Stage(name, takes, one(partial(step, teacher=teacher, **options)), settings)


async def prove(arena: Arena, sandbox: Sandbox, settings: ProofSettings) -> Arena:
    """The arena with its report.

    Raises:
        Rejected: the code of the first check it fails; the detail names all of them.
        SandboxUnavailable: undecided.
    """
    report = await asyncio.to_thread(proof.prove, arena, sandbox, settings)
    if not report.passed:
        failed = [check for check in report.checks if not check.passed]
        raise Rejected(failed[0].reason, "; ".join(f"{c.reason}: {c.detail}" for c in failed))
    return arena.model_copy(update={"verification": report})
