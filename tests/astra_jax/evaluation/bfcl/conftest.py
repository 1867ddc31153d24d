from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from astra_jax.evaluation.bfcl.world import BfclWorld

PYTHON = Path(__file__).parents[4] / ".venv-bfcl" / "bin" / "python"


@pytest.fixture
def make_world() -> Callable[[], BfclWorld]:
    """Makes the official world, in the event loop that asks it."""
    if not PYTHON.exists():
        pytest.skip(f"bfcl-eval is not installed: `make bfcl` makes {PYTHON.parent.parent.name}")
    return lambda: BfclWorld(PYTHON, workers=2)
