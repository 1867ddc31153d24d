"""Whether an arena repeats a public benchmark: its questions, or one of its functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_synthesis.arenas.text import normalise
from data_synthesis.records import Arena, ToolSpec
from data_synthesis.selection.benchmarks import Benchmark

N = 8  # tokens of a run. Tülu 3 (arXiv 2411.15124; open-instruct, `decontamination/`), as is the share
SHARE = 0.5  # of the shorter of the two texts that runs must cover, exceeded

_NOT_IN_NAMES = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Finding:
    """What an arena repeats, in words."""

    benchmark: str
    detail: str


@dataclass(frozen=True)
class _Prompt:
    benchmark: str
    text: str
    length: int  # tokens


class Contamination:
    """Everything that arenas are compared with.

    A question repeats a prompt where runs of `N` tokens that the two share cover more than `SHARE` of the prompt's
    tokens, or of the question's: Tülu 3's rule, applied to excerpts of long prompts too. Texts that are shorter than
    a run repeat each other where all their tokens are equal. Tokens are those of `data_synthesis.arenas.text`: words
    and numbers without case and punctuation, and single Han characters.

    A tool repeats a function where the name and the set of parameters are the same, but for case and punctuation. Names
    such as `get_weather` are common property, so a name alone is counted and not held against an arena; nor is a tool
    without parameters, which has nothing but its name.
    """

    def __init__(self, benchmarks: Iterable[Benchmark]):
        self._prompts: list[_Prompt] = []
        self._whole: dict[str, int] = {}  # tokens -> prompt
        self._runs: dict[str, list[tuple[int, int]]] = defaultdict(
            list
        )  # run -> prompt, place of its first token
        self._functions: dict[str, dict[frozenset[str], str]] = defaultdict(dict)
        for benchmark in benchmarks:
            for prompt in benchmark.prompts:
                self._add_prompt(benchmark.name, prompt)
            for function in benchmark.functions:
                self._functions[_key(function.name)][_keys(function.parameters)] = benchmark.name

    def of(self, arena: Arena) -> Finding | None:
        """The first thing that the arena repeats: what its user says, then its tools, distractors included."""
        texts = [arena.question, *(follow_up.content for follow_up in arena.follow_ups)]
        return next(filter(None, map(self.of_text, texts)), None) or next(self.of_tools(_tools(arena)), None)

    def names_alone(self, arena: Arena) -> int:
        """How many of the arena's tools share the name of a benchmark's function, and not its parameters."""
        return self.tool_names_alone(_tools(arena))

    def tool_names_alone(self, tools: Sequence[ToolSpec]) -> int:
        """As `names_alone`, of any tools."""
        same = sum(_key(tool.name) in self._functions for tool in tools)
        return same - sum(1 for _ in self.of_tools(tools))

    def _add_prompt(self, benchmark: str, text: str) -> None:
        tokens = normalise(text).split()
        if not tokens or (whole := " ".join(tokens)) in self._whole:
            return
        self._whole[whole] = prompt = len(self._prompts)
        self._prompts.append(_Prompt(benchmark, text, len(tokens)))
        for place, run in enumerate(_runs(tokens)):
            self._runs[run].append((prompt, place))

    def of_text(self, text: str) -> Finding | None:
        """What prompt a text repeats."""
        tokens = normalise(text).split()
        if (same := self._whole.get(" ".join(tokens))) is not None:
            return self._finding(same, "is the prompt")
        in_prompt, in_question = defaultdict(set), defaultdict(set)
        for place, run in enumerate(_runs(tokens)):
            for prompt, start in self._runs.get(run, ()):
                in_prompt[prompt].update(range(start, start + N))
                in_question[prompt].update(range(place, place + N))
        shares = {
            prompt: max(len(places) / self._prompts[prompt].length, len(in_question[prompt]) / len(tokens))
            for prompt, places in in_prompt.items()
        }
        most = max(shares, key=shares.__getitem__, default=None)
        if most is None or shares[most] <= SHARE:
            return None
        return self._finding(most, f"shares {shares[most]:.0%} of its tokens with the prompt")

    def _finding(self, prompt: int, how: str) -> Finding:
        found = self._prompts[prompt]
        return Finding(found.benchmark, f"the question {how} {found.text[:200]!r} of {found.benchmark}")

    def of_tools(self, tools: Sequence[ToolSpec]) -> Iterator[Finding]:
        """The functions that tools repeat."""
        for tool in tools:
            properties = tool.parameters.get("properties")
            parameters = _keys(properties) if isinstance(properties, dict) else frozenset()
            if parameters and (benchmark := self._functions.get(_key(tool.name), {}).get(parameters)):
                yield Finding(benchmark, f"the tool `{tool.name}` is a function of {benchmark}")


def _tools(arena: Arena) -> list[ToolSpec]:
    return [tool.spec for tool in [*arena.tools, *arena.distractors]]


def _runs(tokens: Sequence[str]) -> Iterator[str]:
    return (" ".join(tokens[place : place + N]) for place in range(len(tokens) - N + 1))


def _key(name: str) -> str:
    return _NOT_IN_NAMES.sub("", name).casefold()


def _keys(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_key, names))
