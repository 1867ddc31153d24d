"""Stand-ins for the packages that SGLang imports and a text model on a CPU never calls.

`torchvision`, `torchaudio` and `decord` serve models that see and hear; `sgl_kernel` holds kernels for GPUs and for
CPUs with AMX, without which SGLang computes with PyTorch's own operators. None has a wheel that loads beside a
PyTorch for CPUs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ABSENT = frozenset({"decord", "sgl_kernel", "torchaudio", "torchvision"})


def install() -> None:
    """Makes the absent packages importable in this process; one that is installed goes before its stand-in."""
    sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        absent = fullname.partition(".")[0] in ABSENT
        return ModuleSpec(fullname, self, is_package=True) if absent else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


class _StandInModule(ModuleType):
    __version__ = "0.0"  # older than any that a feature asks for

    def __getattr__(self, name: str) -> Any:
        return _stand_in(self.__name__, name)


class _StandInClass(type):
    """A class of which one may import members and inherit, and make nothing."""

    def __getattr__(cls, name: str) -> Any:
        return _stand_in(f"{cls.__module__}.{cls.__qualname__}", name)

    def __call__(cls, *args: object, **kwargs: object) -> Any:
        raise NotImplementedError(f"{cls.__module__}.{cls.__qualname__} is not available on this CPU")


def _stand_in(owner: str, name: str) -> Any:
    if name.startswith("__"):  # what Python asks of a module or a class by itself
        raise AttributeError(f"{owner} has no {name}")
    return _StandInClass(name, (), {"__module__": owner})
