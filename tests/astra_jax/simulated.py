"""Scripts in processes of their own, as the number of simulated devices is fixed when JAX starts."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.compiling import quick_process

ROOT = Path(__file__).parents[2]


def run_script(script: str, *arguments: str, devices: int, processes: int = 1) -> list[str]:
    """What each process has printed, all having ended well.

    Args:
        arguments: in `sys.argv` after a free port, at which the processes may meet, and the process's number.
        devices: of each process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, port, str(index), *arguments],
            cwd=ROOT,
            env=quick_process(devices),
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(processes)
    ]
    try:
        outputs = [process.communicate(timeout=240)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0] * processes
    return outputs
