"""Seeds of arenas out of files, in each of upstream's modes: what one line becomes, and how often."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, JsonValue

from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.records import Arena, BadRecord, Question, Seed, SeedMode, read_records

MODES: tuple[str, ...] = get_args(SeedMode)
_TAXONOMY_HOPS = 2  # upstream's, for every leaf
_MASKED = 0.5  # share of examples that `mask_examples` hides, as upstream
_CHINESE = 0.2  # share of env_call_state_loose, as upstream


@dataclass(frozen=True)
class SeedPlan:
    """What to read, and how many seeds to make of it.

    Args:
        mode: one of `MODES`. `question` takes lines of `{question}`; `domain` of `{domain}`; `context` of `{domain,
            context}`, where `knowledge_corpus` is another name for the context; `taxonomy` a JSON tree whose leaves
            have `description` and `examples`; the `env_` modes a file of arenas, to ask anew for what their tools do.
        path: the file.
        language: of what is invented, where the line does not say.
        min_hops, max_hops: layers of an invented question. `domain` makes a seed for each number between them,
            `taxonomy` always asks for 2. Upstream: 3 and 5.
        repeats: seeds of one line; the `env_` modes make as many for each tool of an arena.
        mask_examples: `taxonomy` hides half of the examples, so that questions keep a distance from them.
        seed: decides which examples are hidden, and the language in `env_call_state_loose`.
    """

    mode: str
    path: Path
    language: str = "en"
    min_hops: int = 3
    max_hops: int = 5
    repeats: int = 1
    mask_examples: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"there is no mode {self.mode!r}; the modes are {', '.join(MODES)}")
        if not 1 <= self.min_hops <= self.max_hops:
            raise ValueError(f"hops must be 1 or more and in order, not {self.min_hops} to {self.max_hops}")
        if self.repeats < 1:
            raise ValueError(f"repeats must be 1 or more, not {self.repeats}")


def read_seeds(plan: SeedPlan, *, rejects: list[BadRecord] | None = None) -> Iterator[Seed]:
    """Yields the seeds in the order of the file.

    Args:
        rejects: if given, bad lines are appended here and reading goes on; otherwise the first one raises.

    Raises:
        BadRecord: names the file, the line and the field.
        FileNotFoundError: no such file.
    """
    reader = _READERS.get(plan.mode, _from_arenas)
    return reader(plan, rejects)


_Rejects = list[BadRecord] | None


def _from_questions(plan: SeedPlan, rejects: _Rejects) -> Iterator[Seed]:
    for line in read_records(plan.path, Question, rejects=rejects):
        yield from _repeated(plan, line)


def _from_domains(plan: SeedPlan, rejects: _Rejects) -> Iterator[Seed]:
    for line in read_records(plan.path, _Domain, rejects=rejects):
        for hops in range(plan.min_hops, plan.max_hops + 1):
            yield from _repeated(plan, line, min_hops=hops, max_hops=hops)


def _from_contexts(plan: SeedPlan, rejects: _Rejects) -> Iterator[Seed]:
    for line in read_records(plan.path, _Context, rejects=rejects):
        yield from _repeated(plan, line, min_hops=plan.min_hops, max_hops=plan.max_hops)


def _from_taxonomy(plan: SeedPlan, _: _Rejects) -> Iterator[Seed]:
    rng = random.Random(f"taxonomy {plan.seed}")
    for path, leaf in _leaves(_tree(plan.path), (plan.path.stem,)):
        for i in range(plan.repeats):
            yield Seed(
                mode="taxonomy",
                domain="-".join(path),
                language=plan.language,
                context=json.dumps(_shown_leaf(leaf, i, plan.mask_examples, rng), ensure_ascii=False),
                min_hops=_TAXONOMY_HOPS,
                max_hops=_TAXONOMY_HOPS,
                repeat=i,
            )


def _from_arenas(plan: SeedPlan, rejects: _Rejects) -> Iterator[Seed]:
    rng = random.Random(f"{plan.mode} {plan.seed}")
    for arena in read_arenas(plan.path, rejects=rejects):
        for i in range(plan.repeats * len(arena.tools)):
            loose = plan.mode == "env_call_state_loose"
            language = "zh" if loose and rng.random() < _CHINESE else plan.language
            yield Seed.model_validate(
                {
                    "mode": plan.mode,
                    "domain": arena.domain,
                    "language": language,
                    "shown": _SHOWN[plan.mode](arena),
                    "min_hops": plan.min_hops,
                    "max_hops": plan.max_hops,
                    "repeat": i,
                    "provenance": {"parents": [arena.id]},
                }
            )


_READERS: Mapping[str, Callable[[SeedPlan, _Rejects], Iterator[Seed]]] = {
    "question": _from_questions,
    "domain": _from_domains,
    "context": _from_contexts,
    "taxonomy": _from_taxonomy,
}


class _Domain(Seed):
    mode: Literal["domain"] = "domain"
    domain: str = Field(min_length=1)


class _Context(Seed):
    mode: Literal["context"] = "context"
    domain: str = Field(min_length=1)
    context: str = Field(min_length=1)  # type: ignore[assignment]


def _repeated(plan: SeedPlan, line: Seed, **changes: Any) -> Iterator[Seed]:
    """The seeds of one line. What the line says of itself counts before the plan."""
    said = line.model_dump(exclude_unset=True, exclude={"id"})
    for i in range(plan.repeats):
        yield Seed.model_validate(
            {"language": plan.language, **changes, **said, "mode": plan.mode, "repeat": i}
        )


def _tree(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadRecord(path, 1, "", f"is not JSON ({error})") from error
    if not isinstance(tree, dict):
        raise BadRecord(path, 1, "", f"is no taxonomy: expected an object, not {type(tree).__name__}")
    return tree


def _leaves(
    tree: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if isinstance(tree.get("description"), str):
        yield path, dict(tree)
        return
    for name, below in tree.items():
        if isinstance(below, dict):
            yield from _leaves(below, (*path, name))


def _shown_leaf(leaf: Mapping[str, Any], turn: int, mask: bool, rng: random.Random) -> dict[str, JsonValue]:
    """The description, and one of the examples in turn, unless it is hidden."""
    queries = [
        each["query"] for each in leaf.get("examples") or [] if isinstance(each, dict) and "query" in each
    ]
    shown: dict[str, JsonValue] = {"description": leaf["description"]}
    hidden = mask and rng.random() < _MASKED
    return shown | ({"example_query": queries[turn % len(queries)]} if queries and not hidden else {})


def _documents(arena: Arena) -> list[JsonValue]:
    return [tool.spec.model_dump(mode="json") for tool in arena.tools]


def _documents_and_calls(arena: Arena) -> list[JsonValue]:
    calls: dict[str, list[JsonValue]] = {tool.name: [] for tool in arena.tools}
    for gold in arena.gold_calls:
        calls.setdefault(gold.tool, []).append({"arguments": gold.arguments, "gave": gold.expected})
    return [{"tool": tool.spec.model_dump(mode="json"), "calls": calls[tool.name]} for tool in arena.tools]


def _names(arena: Arena) -> list[JsonValue]:
    return [tool.name for tool in arena.tools]


_SHOWN: Mapping[str, Callable[[Arena], list[JsonValue]]] = {
    "env_base": _documents,
    "env_call_state": _documents_and_calls,
    "env_call_state_loose": _documents_and_calls,
    "env_tool_name": _names,
}
