"""What untrusted code may try. Each table holds cases that work in a plain process and must fail in a session."""

from . import files, kernel, network, processes, python, resources
from .case import Attack

ATTACKS: list[Attack] = [
    *files.ATTACKS,
    *network.ATTACKS,
    *processes.ATTACKS,
    *kernel.ATTACKS,
    *resources.ATTACKS,
    *python.ATTACKS,
]
