"""Episodes and messages as entries of the page's browser: bounded in number and in size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from astra_jax.evaluation.report.sampling import MAX_BYTES, bounded, smallest
from astra_jax.evaluation.report.token_text import TokenText
from astra_jax.evaluation.report.view import Browser, clip, json_text
from data_synthesis.records import (
    Arena,
    BadRecord,
    Episode,
    GoldCall,
    Message,
    ToolEvent,
    ToolSpec,
    read_records,
)

# Tokens of one episode that the page holds; the paper's episodes have up to 75k.
MAX_TOKENS = 4096

_IN_REWARD = ("f1", "recall", "precision")  # components that the line of the reward says


class ToolTable:
    """Tool documents that many entries share, each kept once; entries hold its place in `rows`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._place: dict[str, int] = {}

    def places(self, tools: Sequence[ToolSpec]) -> list[int]:
        return [self._place_of(tool) for tool in tools]

    def _place_of(self, tool: ToolSpec) -> int:
        key = tool.model_dump_json()
        if key not in self._place:
            self._place[key] = len(self.rows)
            self.rows.append(
                {"name": tool.name, "description": clip(tool.description), "parameters": tool.parameters}
            )
        return self._place[key]


def episode_browser(
    stages: Mapping[str, Sequence[Path]],
    arenas: Iterable[Arena],
    limit: int,
    text: TokenText,
    rejects: list[BadRecord],
) -> Browser:
    """A sample of each stage's episodes, of the same arenas wherever stages share them.

    Args:
        stages: the name of a model or a phase -> its files of episodes.
        arenas: read once, to the end; those that the sample needs give it domains and gold calls.
        limit: episodes of all stages together.
    """
    chosen: dict[str, list[Episode]] = {}
    total = 0
    for stage, paths in stages.items():
        episodes = (episode for path in paths for episode in read_records(path, Episode, rejects=rejects))
        chosen[stage], count = smallest(episodes, max(1, limit // len(stages)), key=_place)
        total += count
    wanted = {episode.arena_id for episodes in chosen.values() for episode in episodes}
    by_id = {arena.id: arena for arena in arenas if arena.id in wanted}
    tools, entries = ToolTable(), []
    for stage, episodes in chosen.items():
        made = (_entry(episode, stage, by_id.get(episode.arena_id), tools, text) for episode in episodes)
        entries += bounded(made, MAX_BYTES // len(stages))
    entries.sort(key=lambda made: made["arena"])  # before and after stand next to each other
    return Browser("episodes", entries, total, {"tools": tools.rows, "vocabulary": text.table})


def _place(episode: Episode) -> tuple[str, int, int]:
    return episode.arena_id, episode.group, episode.sample


def _entry(
    episode: Episode, stage: str, arena: Arena | None, tools: ToolTable, text: TokenText
) -> dict[str, Any]:
    """An episode as the browser shows it. What is not known (its arena's file is not there) is empty."""
    question = next((message.content for message in episode.messages if message.role == "user"), "")
    return {
        "stage": stage,
        "arena": episode.arena_id,
        "question": clip(arena.question if arena else question),
        "domain": arena.domain if arena else str(getattr(episode, "domain", "")),
        "scenario": arena.scenario if arena else "",
        "variant": arena.variant if arena else "",
        "stop": episode.stop_reason,
        "facts": _facts(episode),
        "reward": episode.reward.model_dump() if episode.reward else None,
        "tools": tools.places(episode.tools),
        "gold": [gold_call(gold) for gold in arena.gold_calls] if arena else [],
        "messages": [message(m) for m in episode.messages],
        "events": [_event(event) for event in episode.events],
        "unfinished": clip(_unfinished_turn(episode, text)),
        "tokens": _tokens(episode, text),
    }


def gold_call(gold: GoldCall) -> dict[str, Any]:
    return {
        "id": gold.id,
        "tool": gold.tool,
        "arguments": json_text(gold.arguments),
        "expected": json_text(gold.expected),
        "question": gold.question,
        "after": gold.depends_on,
    }


def message(m: Message) -> dict[str, Any]:
    return {
        "role": m.role,
        "content": clip(m.content),
        "reasoning": clip(m.reasoning_content or ""),
        "calls": [
            {"id": call.id, "name": clip(call.name), "arguments": json_text(call.arguments)}
            for call in m.tool_calls
        ],
        "answers": m.tool_call_id,
    }


def _facts(episode: Episode) -> dict[str, Any]:
    versions = episode.versions
    return {
        "turns": len(episode.weight_versions),
        "group": episode.group,
        "sample": episode.sample,
        "seed": episode.seed,
        "weights": " to ".join(str(v) for v in (versions[:1] + versions[1:][-1:])),
        **{name: f"{score:.3g}" for name, score in episode.scores.items() if name not in _IN_REWARD},
        **({"unscored": clip(episode.unscored)} if episode.unscored else {}),
    }


def _event(event: ToolEvent) -> dict[str, Any]:
    return {
        "turn": event.turn,
        "id": event.call_id,
        "name": clip(event.name),
        "raw": clip(event.arguments) if isinstance(event.arguments, str) else "",
        "output": clip(event.output),
        "status": event.status,
        "gold": event.gold_id,
    }


def _runs(mask: Sequence[int]) -> list[int]:
    """Lengths of the runs of a 0/1 mask, beginning with a run of 0 (which may be empty)."""
    lengths = [len(list(run)) for _, run in groupby(mask)]
    return [0, *lengths] if mask and mask[0] else lengths


def _unfinished_turn(episode: Episode, text: TokenText) -> str:
    """What the agent had said when it ran out of tokens; no message holds that."""
    if episode.stop_reason not in ("max_tokens", "context") or not episode.loss_mask:
        return ""
    length = 0
    while length < len(episode.loss_mask) and episode.loss_mask[-1 - length]:
        length += 1
    return text.decode(episode.token_ids[len(episode.token_ids) - length :])


def _tokens(episode: Episode, text: TokenText) -> dict[str, Any] | None:
    if not episode.token_ids:
        return None
    ids, mask = episode.token_ids[:MAX_TOKENS], episode.loss_mask[:MAX_TOKENS]
    text.add(ids)
    sampled = [round(logprob, 3) for logprob, on in zip(episode.logprobs, mask, strict=False) if on]
    return {
        "ids": ids,
        "runs": _runs(mask),
        "logprobs": sampled,
        "total": len(episode.token_ids),
        "sampled": sum(episode.loss_mask),
    }
