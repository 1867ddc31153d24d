"""A quickstart run folder in miniature: invented arenas, and models that solve more of them from stage to stage."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from astra_jax.evaluation.summary import paired_difference, summarise
from data_synthesis.records import (
    Arena,
    ArenaTool,
    Check,
    Episode,
    FollowUp,
    GoldCall,
    Message,
    Provenance,
    RewardParts,
    ToolCall,
    ToolEvent,
    ToolSpec,
    Trajectory,
    VerificationReport,
    VersionSpan,
    write_records,
)

DOMAINS = ("flights", "library", "weather")
SOURCE = '''def {name}(city: str, day: str = "today") -> dict:
    """Look one city up."""
    table = {{"Oslo": 14, "Lima": 21.0}}
    if city not in table:  # not every city is known
        raise KeyError(city)
    return {{"city": city, "value": table[city]}}
'''


def tool(name: str) -> ArenaTool:
    properties = {
        "city": {"type": "string", "description": "The city's English name."},
        "day": {"type": "string", "enum": ["today", "tomorrow"], "description": "Which day."},
    }
    spec = ToolSpec(
        name=name,
        description=f"Finds what {name.replace('_', ' ')} knows about a city.",
        parameters={"type": "object", "properties": properties, "required": ["city"]},
    )
    return ArenaTool(spec=spec, source=SOURCE.format(name=name))


def arena(i: int) -> Arena:
    domain, n = DOMAINS[i % 3], 1 + i % 4
    names = [f"{domain}_lookup_{k}" for k in range(1, n + 1)]
    gold = [
        GoldCall(
            id=k,
            tool=name,
            arguments={"city": "Oslo", "day": "today"},
            expected=14 if k % 2 else {"value": 21.0, "unit": "C"},
            question=f"What does step {k} say about Oslo?",
            depends_on=[k - 1] if k > 1 else [],
        )
        for k, name in enumerate(names, 1)
    ]
    checks = [Check(name="replay", passed=True), Check(name="no_constant", passed=i % 7 != 6)]
    if not checks[1].passed:
        checks[1].reason, checks[1].detail = "constant_output", "Every argument gives 14."
    return Arena(
        question=f"Question {i}: going to Oslo, which {domain} facts hold in {n} steps, and do they agree with Lima?",
        domain=domain,
        scenario="multi_hop" if n > 1 else "single_hop",
        variant=("base", "missing_function")[i % 5 == 4],
        tools=[tool(name) for name in names],
        gold_calls=gold,
        distractors=[tool("stock_price"), tool("translate_text")],
        follow_ups=[FollowUp(content="That tool is here now.", reveals=names[:1])] if i % 5 == 4 else [],
        final_answer="14",
        provenance=Provenance(teacher="procedural", seed=i),
        verification=VerificationReport(passed=checks[1].passed, checks=checks),
    )


def episode(of: Arena, skill: float, seed: int, answer: str = "Oslo has 14.") -> Episode:
    """An episode in which each gold call is made with probability `skill`, next to some useless ones."""
    rng = Random(seed)
    messages, events = [Message(role="user", content=of.question)], []
    for gold in of.gold_calls:
        solved = rng.random() < skill
        status = (
            "ok" if solved else rng.choice(["ok", "tool_error", "unknown_tool", "bad_json", "bad_arguments"])
        )
        call = ToolCall(id=f"call_{len(events)}", name=gold.tool, arguments=gold.arguments)
        output = json.dumps({"city": "Oslo", "value": 14.0, "notes": ["cold", "dry"] * 5, "sea": None})
        event = ToolEvent(
            turn=len(events),
            call_id=call.id,
            name=gold.tool,
            arguments='{"city": "Oslo' if status == "bad_json" else gold.arguments,
            output=output if status == "ok" else f"Error: {status}",
            status=status,
            gold_id=gold.id if solved else None,
        )
        events.append(event)
        messages += [
            Message(
                role="assistant", content="", reasoning_content="One thing at a time.", tool_calls=[call]
            ),
            Message(role="tool", content=event.output, tool_call_id=call.id),
        ]
    messages.append(Message(role="assistant", content=answer))
    n, solved_count, calls = len(of.gold_calls), sum(e.gold_id is not None for e in events), len(events)
    count = 40 + 10 * calls
    mask = [int(t >= 30 and t % 10 < 6) for t in range(count)]
    unknown = rng.random() < 0.03
    return Episode(
        arena_id=of.id,
        seed=seed,
        token_ids=[rng.randrange(50) for _ in range(count)],
        loss_mask=mask,
        logprobs=[-rng.expovariate(4.0) if on else 0.0 for on in mask],
        prompt_length=30,
        weight_versions=[[VersionSpan(0, 6)]] * (calls + 1),
        messages=messages,
        tools=[t.spec for t in [*of.tools, *of.distractors]],
        events=events,
        reward=None
        if unknown
        else RewardParts(
            n=n,
            solved=solved_count,
            calls=calls,
            recall=solved_count / n,
            precision=solved_count / calls,
            f1=2 * solved_count / (n + calls),
        ),
        stop_reason="infrastructure" if unknown else "finished",
    )


def trajectory(of: Arena) -> Trajectory:
    played = episode(of, 1.0, 0)
    return Trajectory(messages=played.messages, tools=played.tools, domain=of.domain)


def write_metrics(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_run(folder: Path, arena_count: int) -> Path:
    arenas = [arena(i) for i in range(arena_count)]
    write_records(folder / "arenas" / "heldout.jsonl", arenas)
    episodes = {
        stage: [episode(a, skill, i) for i, a in enumerate(arenas)]
        for stage, skill in (("random", 0.02), ("sft", 0.6), ("rl", 0.85))
    }
    for stage, played in episodes.items():
        write_records(folder / "eval" / f"{stage}.jsonl", played)
    results = {stage: summarise(played) for stage, played in episodes.items()}
    difference = paired_difference(episodes["rl"], episodes["sft"])
    results |= {
        "rl_minus_sft_f1_ci95": difference["ci95"],
        "wall_s": {"arenas": 31.5, "sft": 212.0, "rl": 401.25, "eval": 62.0, "export": 9.0},
        "hf_export": "hf",
    }
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "config.json").write_text(json.dumps({"seed": 0, "sft": {"learning_rate": 1e-3}}))
    rng = Random(0)
    sft = [
        {
            "step": s,
            "loss": 5 * math.exp(-s / 60) + 0.2 * rng.random(),
            "grad_norm": 1 + rng.random(),
            "time/step_s": 0.4,
        }
        for s in range(300)
    ]
    rl = [
        {
            "step": s,
            "reward/f1": 0.5 + 0.3 * s / 80 + 0.08 * rng.random(),
            "reward/recall": 0.55 + 0.3 * s / 80 + 0.08 * rng.random(),
            "reward/precision": 0.5 + 0.35 * s / 80 + 0.08 * rng.random(),
            "calls": 3 - s / 80 + 0.2 * rng.random(),
            "turns": 4 - s / 80 + 0.2 * rng.random(),
            "entropy": 0.9 * math.exp(-s / 50) + 0.05 * rng.random(),
            "logprob_gap": 1e-6 * (1 + rng.random()),
            "grad_norm": 0.5 + rng.random(),
            "time/step_s": 4 + rng.random(),
            "time/sample_s": 2 + rng.random(),
            "groups/kept": 12.0,
        }
        for s in range(80)
    ]
    write_metrics(folder / "sft" / "metrics.jsonl", sft)
    write_metrics(folder / "rl" / "metrics.jsonl", rl)
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run. Read it, never write into it."""
    return write_run(tmp_path_factory.mktemp("runs") / "quickstart", arena_count=12)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The makers of single records."""
    return SimpleNamespace(arena=arena, episode=episode, trajectory=trajectory)
