from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from astra_jax.evaluation.bfcl.world import PACKAGES, BfclWorld

ROOT = Path(__file__).parents[4]


def maker(version: str) -> Callable[[], BfclWorld]:
    """Makes the official world, in the event loop that asks it."""
    package = PACKAGES[version]
    python = ROOT / f".venv-{package.target}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{package.name} is not installed: `make {package.target}` makes its environment")
    return lambda: BfclWorld(package, python, workers=2)


@pytest.fixture
def make_world() -> Callable[[], BfclWorld]:
    return maker("v4")


@pytest.fixture(params=PACKAGES)
def make_either(request) -> Callable[[], BfclWorld]:
    """That of each version."""
    return maker(request.param)
