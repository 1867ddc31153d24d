"""Every benchmark can at least be started: what it imports is there. None is run."""

import importlib
import pkgutil

import pytest

import benchmarks


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)])
def test_what_a_benchmark_imports_is_there(name):
    importlib.import_module(f"benchmarks.{name}")
