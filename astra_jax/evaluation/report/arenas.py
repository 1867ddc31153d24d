"""Arenas and trajectories as entries of the page's browser."""

from __future__ import annotations

from typing import Any

from astra_jax.evaluation.report.episodes import ToolTable, gold_call, message
from astra_jax.evaluation.report.tally import proof_status
from astra_jax.evaluation.report.view import clip
from data_synthesis.records import Arena, ArenaTool, Trajectory


def arena_entry(arena: Arena) -> dict[str, Any]:
    """An arena with its tools' source, its gold calls and the points of its proof."""
    return {
        "id": arena.id,
        "question": clip(arena.question),
        "domain": arena.domain,
        "scenario": arena.scenario,
        "variant": arena.variant,
        "proof": proof_status(arena),
        "gold": [gold_call(gold) for gold in arena.gold_calls],
        "tools": [_tool(tool, distractor=False) for tool in arena.tools]
        + [_tool(tool, distractor=True) for tool in arena.distractors],
        "followUps": [{"content": clip(f.content), "reveals": f.reveals} for f in arena.follow_ups],
        "answer": clip(arena.final_answer),
        "checks": [
            {"name": check.name, "passed": check.passed, "reason": check.reason, "detail": clip(check.detail)}
            for check in (arena.verification.checks if arena.verification else [])
        ],
        "provenance": arena.provenance.model_dump(mode="json", exclude_defaults=True),
    }


def trajectory_entry(trajectory: Trajectory, tools: ToolTable) -> dict[str, Any]:
    """A trajectory with its conversation; its first user message stands for it in the list."""
    question = next((m.content for m in trajectory.messages if m.role == "user"), "")
    return {
        "id": trajectory.id,
        "question": clip(question),
        "domain": trajectory.domain,
        "status": trajectory.status,
        "scores": trajectory.scores,
        "tools": tools.places(trajectory.tools),
        "messages": [message(m) for m in trajectory.messages],
    }


def _tool(tool: ArenaTool, *, distractor: bool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": clip(tool.spec.description),
        "parameters": tool.spec.parameters,
        "source": clip(tool.source),
        "distractor": distractor,
    }
