"""Seconds of CPU on Linux: the machine's, and those of a process with all that descend from it."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float:
    """That all processes have taken since the start, kernel and interrupts included."""
    user, nice, system, _idle, _wait, *interrupts = map(int, _words(Path("/proc/stat"))[1:8])
    return (user + nice + system + sum(interrupts)) / _TICKS


def tree_seconds(root: int) -> float:
    """That `root`, its living descendants and those that these have waited for have taken."""
    taken, children = {}, defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        process = int(folder.name)
        children[int(fields[1])].append(process)
        taken[process] = sum(map(int, fields[11:15])) / _TICKS
    tree = [root]
    for process in tree:
        tree += children[process]
    return sum(taken.get(process, 0.0) for process in tree)


def _words(path: Path) -> list[str]:
    return path.read_text().split()
