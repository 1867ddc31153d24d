"""How programs are compiled while tests run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import jax

_FLAG = "jax_disable_most_optimizations"


@contextmanager
def compiling_quickly() -> Iterator[None]:
    """Tiny programs take longer to compile than to run: XLA leaves most optimisations out.

    JAX runs a program that it has compiled again, whatever the flag was then, and the other one gives other last bits
    than a process in which the flag never changed. So compiled programs are dropped when it changes.
    """
    if jax.config.values[_FLAG]:
        yield
        return
    _set(True)
    try:
        yield
    finally:
        _set(False)


def quick_process(devices: int) -> dict[str, str]:
    """The environment of a process that compiles so, with as many simulated devices."""
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": str(devices),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
    }


def _set(quickly: bool) -> None:
    jax.config.update(_FLAG, quickly)
    jax.clear_caches()
