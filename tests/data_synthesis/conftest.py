from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_synthesis.sandbox import LocalSandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    """Real confinement, at the strongest level that this machine has."""
    with LocalSandbox() as opened:
        yield opened
