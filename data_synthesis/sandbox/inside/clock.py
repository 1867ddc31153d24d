"""Moves the clocks that Python code reads, for good, in this process and in those forked from it.

It finds out code that is honest and careless, and is no wall: C code that reads a clock for itself, such as SQLite's
`'now'`, sees the machine's. A time namespace of the kernel would not help, as it leaves the calendar clock alone.
This file imports nothing of the project: the remote sandbox sends its text along.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import time
from collections.abc import Callable
from typing import Any

_RUNNING = ("time", "monotonic", "perf_counter")  # each with a twin that counts nanoseconds
_CALENDAR_CLOCKS = ("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME", "CLOCK_TAI")


class _Function:
    """A function that, like those of C, does not become a method of the class that it is put into."""

    def __init__(self, name: str, function: Callable[..., Any]):
        self.__name__, self._function = name, function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def move(seconds: float) -> None:
    """Puts every clock `seconds` ahead.

    Raises:
        RuntimeError: this Python does not let its clocks be moved.
    """
    before = time.time()
    nanoseconds = round(seconds * 1e9)
    for name in _RUNNING:
        _replace(name, lambda real: lambda: real() + seconds)
        _replace(f"{name}_ns", lambda real: lambda: real() + nanoseconds)
    _move_numbered_clocks(seconds, nanoseconds)
    _fill_in_the_moment()
    _move_datetime()
    moved = datetime.datetime.now().timestamp() - before
    if abs(moved - seconds) > 60:
        raise RuntimeError("the clocks of this Python cannot be moved")


def _replace(name: str, with_: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(time, name, _Function(name, with_(getattr(time, name))))


def _move_numbered_clocks(seconds: float, nanoseconds: int) -> None:
    moved = {getattr(time, name) for name in _CALENDAR_CLOCKS if hasattr(time, name)}
    _replace("clock_gettime", lambda real: lambda clock: real(clock) + seconds * (clock in moved))
    _replace("clock_gettime_ns", lambda real: lambda clock: real(clock) + nanoseconds * (clock in moved))


def _fill_in_the_moment() -> None:
    """Functions that take the present moment where none is given read a clock in C."""
    for name in ("localtime", "gmtime", "ctime"):
        _replace(name, lambda real: lambda moment=None: real(time.time() if moment is None else moment))
    _replace("asctime", lambda real: lambda *moment: real(*(moment or (time.localtime(),))))
    _replace("strftime", lambda real: lambda text, *moment: real(text, *(moment or (time.localtime(),))))


def _move_datetime() -> None:
    """`datetime.now` reads a clock in C, while `date.today` asks `time.time`. The type is changed, not replaced: what
    values are, how they compare and how they are written stays as it is."""

    def now(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return cls.fromtimestamp(time.time(), tz)

    def utcnow(cls: type[datetime.datetime]) -> datetime.datetime:
        moment = cls.fromtimestamp(time.time(), datetime.timezone.utc)  # noqa: UP017 - servers may run Python 3.10
        return moment.replace(tzinfo=None)

    (attributes,) = gc.get_referents(datetime.datetime.__dict__)
    attributes.update(now=classmethod(now), utcnow=classmethod(utcnow))
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))
