"""A run that is asked to stop ends after the step in progress, with a checkpoint."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

EXIT_STATUS = os.EX_TEMPFAIL  # 75, "try again later": the same command goes on


class Interrupted(RuntimeError):
    """The run stopped because it was asked to; what it has done is saved."""

    def __init__(self, step: int):
        super().__init__(f"stopped after step {step}, which is saved; the same command goes on")
        self.step = step


class StopRequests:
    """A context manager that notices SIGTERM, as machines send it before they are taken away, and one SIGINT.

    A second SIGINT is a KeyboardInterrupt at once. Outside the main thread, where Python gives no signals, nothing
    is noticed.
    """

    def __init__(self) -> None:
        self.seen = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequests:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._notice)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        if self.seen and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.seen = True
