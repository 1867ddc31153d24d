"""What all tests share: no property has a time limit of its own, as machines are busy."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="module")
def compile_quickly() -> Iterator[None]:
    """For tests whose programs take longer to compile than to run, and which do not ask how real ones round."""
    from tests.compiling import compiling_quickly  # tests of `data_synthesis` need no JAX

    with compiling_quickly():
        yield
