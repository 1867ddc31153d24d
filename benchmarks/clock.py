"""How long anything of some kind is under way, whoever runs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import jax


@dataclass
class Clock:
    """Seconds in which at least one watched thing is under way, on any thread."""

    busy_s: float = 0.0
    _under_way: int = 0
    _since: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
            if self._under_way == 1:
                self._since = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                if self._under_way == 0:
                    self.busy_s += time.perf_counter() - self._since

    def watched(self, call: Callable) -> Callable:
        """`call`, until its results are there."""

        def run(*arguments: Any, **named: Any) -> Any:
            with self.running():
                return jax.block_until_ready(call(*arguments, **named))

        return run

    @contextmanager
    def watching(self, owner: Any, *names: str) -> Iterator[None]:
        """Meanwhile every call of these functions of `owner`, a module or a class, is watched."""
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(mock.patch.object(owner, name, self.watched(getattr(owner, name))))
            yield
