"""Every benchmark can at least be started: what it imports is there. None is run."""

import importlib
import os
import pkgutil
from unittest import mock

import pytest

import benchmarks


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)])
def test_what_a_benchmark_imports_is_there(name):
    # Some set what JAX finds when it starts, as how many threads there are, by which sums are split.
    with mock.patch.dict(os.environ):
        importlib.import_module(f"benchmarks.{name}")
