"""The import directions of docs/architecture.md, checked over the source of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parent.parent

# Which other parts of its package each part may import.
PARTS = {
    "data_synthesis": {
        "whole_file": set(),
        "records": {"whole_file"},
        "sandbox": {"records"},
        "embedding": set(),
        "arenas": {"whole_file", "records", "sandbox", "embedding"},
        "teacher": {"records", "arenas"},
        "pipeline": {"whole_file", "records", "sandbox", "teacher"},
        "environments": {"records", "sandbox", "arenas", "teacher", "pipeline"},
        "selection": {"records", "embedding", "arenas", "pipeline", "environments"},
        "interop": {"records", "arenas", "teacher", "pipeline", "environments", "selection"},
        "mcp": {"records"},
        "trajectories": {
            "records",
            "sandbox",
            "embedding",
            "arenas",
            "teacher",
            "pipeline",
            "environments",
            "selection",
            "interop",
            "mcp",
        },
    },
}
LAYERS = (
    {"sharding"},
    {"models", "tokens", "checkpoints"},
    {"training", "inference"},
    {"sft", "rl", "evaluation"},
    {"planning"},
    {
        "quickstart",
        "synthesis",
        "trajectories",
        "company",
        "intake",
        "official",
        "configuration",
        "pods",
    },  # the edge: nothing below reads a configuration file
    {"cli"},
)
PARTS["astra_jax"] = {part: set().union(*LAYERS[: i + 1]) for i, layer in enumerate(LAYERS) for part in layer}

# What astra_jax may know of data_synthesis: the data, and how an arena runs. Entry points may know the rest.
SHARED = {"whole_file", "records", "sandbox", "arenas"}
SHARED_BY = {"sft": {"trajectories"}}  # its rows come in the forms of others too
ENTRY_POINTS = {"cli", "quickstart", "synthesis", "trajectories", "company", "intake", "official"}

BANNED = {
    "data_synthesis": {"jax", "jaxlib", "flax", "optax", "orbax", "grain", "astra_jax"},
    "astra_jax": {"sglang"},
}


def sources(root: Path = ROOT) -> dict[str, str]:
    """Module name -> source, of both packages."""
    paths = [path for package in PARTS for path in sorted((root / package).rglob("*.py"))]
    return {_module_name(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, source: str, modules: dict[str, str]) -> set[str]:
    """The modules that `source` imports, lazily or not: `from a import b` is a.b where that is a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node, modules)
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & modules.keys()) or {base}
    return found


def _absolute(module: str, node: ast.ImportFrom, modules: dict[str, str]) -> str:
    if not node.level:
        return node.module or ""
    is_package = any(other.startswith(module + ".") for other in modules)
    anchor = module.split(".")[: -node.level + (1 if is_package else 0) or None]
    return ".".join(anchor + ([node.module] if node.module else []))


def violations(modules: dict[str, str]) -> list[str]:
    """One sentence for every import that goes against the arrows, and one for every cycle."""
    graph = {module: imports(module, source, modules) for module, source in modules.items()}
    homeless = [
        f"{module} has no place among the parts: give it one here and in docs/architecture.md"
        for module in sorted(graph)
        if not _has_place(module.split("."))
    ]
    wrong = [
        f"{module} imports {target}: {reason}"
        for module, targets in sorted(graph.items())
        if _has_place(module.split("."))
        for target in sorted(targets)
        if (reason := _why_not(module.split("."), target.split(".")))
    ]
    return homeless + wrong + _cycles(graph)


def _has_place(module: list[str]) -> bool:
    return len(module) == 1 or module[1] in PARTS[module[0]]


def _why_not(module: list[str], target: list[str]) -> str:
    package, part = module[0], (module[1] if len(module) > 1 else "")
    if target[0] in BANNED[package]:
        return f"{package} never imports {target[0]}"
    wanted = target[1] if len(target) > 1 else ""
    if target[0] == package and part and wanted != part and wanted not in PARTS[package][part]:
        return f"{part} may import {', '.join(sorted(PARTS[package][part] - {part})) or 'no other part'}"
    if (
        target[0] == "data_synthesis"
        and package == "astra_jax"
        and part not in ENTRY_POINTS
        and wanted not in (known := SHARED | SHARED_BY.get(part, set()))
    ):
        return f"astra_jax.{part} may import data_synthesis.{{{','.join(sorted(known))}}} only"
    return ""


def _cycles(graph: dict[str, set[str]]) -> list[str]:
    """A cycle of modules, if any, and one of parts: two parts of one layer may not need each other."""
    found = []
    for level, name in ((None, "modules"), (2, "parts")):
        edges: dict[str, set[str]] = {}
        for module, targets in graph.items():
            source = ".".join(module.split(".")[:level])
            inside = {".".join(target.split(".")[:level]) for target in targets if target in graph}
            edges.setdefault(source, set()).update(inside - {source})
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            found.append(f"cycle of {name}: {' -> '.join(reversed(error.args[1]))}")
    return found


def test_every_import_follows_the_arrows():
    modules = sources()
    assert {"data_synthesis.records", "astra_jax.evaluation.summary"} <= modules.keys()
    assert violations(modules) == []


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("data_synthesis.arenas.oracle", "import jax.numpy as jnp", "never imports jax"),
        ("data_synthesis.teacher.chat", "def f():\n    from flax import nnx", "never imports flax"),
        ("data_synthesis.sandbox.local", "from astra_jax.tokens import parse", "never imports astra_jax"),
        (
            "data_synthesis.sandbox.local",
            "from data_synthesis.arenas import proof",
            "sandbox may import records",
        ),
        ("data_synthesis.sandbox.local", "from ..arenas import proof", "sandbox may import records"),
        ("data_synthesis.arenas.proof", "from data_synthesis import teacher", "arenas may import"),
        ("data_synthesis.teacher.chat", "import data_synthesis.environments", "teacher may import"),
        ("astra_jax.models.block", "from astra_jax.training.loss import loss", "models may import"),
        ("astra_jax.training.loop", "from astra_jax import rl", "training may import"),
        ("astra_jax.evaluation.arenas", "import astra_jax.cli", "evaluation may import"),
        ("astra_jax.sharding", "from .models import Transformer", "sharding may import no other part"),
        (
            "astra_jax.rl.trainer",
            "from data_synthesis.teacher import procedural",
            "{arenas,records,sandbox,whole_file} only",
        ),
        ("astra_jax.inference.client", "import sglang", "never imports sglang"),
        ("astra_jax.helpers", "import os\nimport sys", "no place among the parts"),
        ("astra_jax.rl.trainer", "from astra_jax import configuration", "rl may import"),
    ],
)
def test_a_wrong_import_is_caught(module: str, source: str, reason: str):
    assert [reason in found for found in violations(among_all_parts(module, source))] == [True]


@pytest.mark.parametrize(
    "modules",
    [
        {
            "astra_jax.rl.a": "from astra_jax.rl import b",
            "astra_jax.rl.b": "from . import c",
            "astra_jax.rl.c": "def f():\n    import astra_jax.rl.a",
        },
        {"astra_jax.sft.a": "import astra_jax.rl.b", "astra_jax.rl.c": "import astra_jax.sft.d"}
        | dict.fromkeys(["astra_jax.rl.b", "astra_jax.sft.d"], ""),
    ],
    ids=["of modules", "of parts"],
)
def test_a_cycle_is_caught(modules: dict[str, str]):
    assert [found.startswith("cycle of") for found in violations(modules)] == [True]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "astra_jax.rl.episode",
            "from data_synthesis.arenas import scoring\nfrom data_synthesis.records import Arena",
        ),
        (
            "astra_jax.quickstart",
            "from data_synthesis.teacher import procedural\nfrom astra_jax.rl import episode",
        ),
        ("astra_jax.cli", "from astra_jax import quickstart"),
        ("data_synthesis.environments.merge", "from data_synthesis.teacher import interface"),
    ],
)
def test_a_right_import_passes(module: str, source: str):
    assert violations(among_all_parts(module, source)) == []


def among_all_parts(module: str, source: str) -> dict[str, str]:
    parts = [f"{package}.{part}" for package, names in PARTS.items() for part in names]
    return {**dict.fromkeys([*PARTS, *parts], ""), module: source}


def test_data_synthesis_imports_where_there_is_no_jax():
    blocked = sorted(BANNED["data_synthesis"])
    script = dedent(f"""
        import importlib, sys

        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in {blocked!r}:
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Absent())
        for name in {[name for name in sources() if name.startswith("data_synthesis")]!r}:
            importlib.import_module(name)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
