"""A TPU pod that is not there: a stand-in gcloud whose workers are local processes in homes of their own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).with_name("stand_ins")
SCRIPTS = ROOT / "tpu_scripts"
ASTRA = f"""#!/usr/bin/env bash
cd "$HOME" && PYTHONPATH="$HOME/astra" exec {sys.executable} -c '
import sys
from astra_jax.cli import main
sys.exit(main())' "$@"
"""


class Cloud:
    """Hosts of a TPU VM, each with a home under `root`."""

    def __init__(self, root: Path):
        self.root = root
        self._servers: list[ThreadingHTTPServer] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def make(self, workers: int, devices: int = 1, astra: str = ASTRA, **environ: str) -> "Cloud":
        """Args: `astra`: the command of that name on each host."""
        self.close()
        (self.root / "workers").write_text(str(workers))
        self.say("READY")
        for worker in range(workers):
            home = self.root / f"worker_{worker}"
            (home / "astra-venv" / "bin").mkdir(parents=True, exist_ok=True)
            script = home / "astra-venv" / "bin" / "astra"
            script.write_text(astra)
            script.chmod(0o755)
            own = environ | {
                "GCE_METADATA_HOST": f"127.0.0.1:{self._metadata(worker, workers)}",
                "JAX_NUM_CPU_DEVICES": str(devices),
                "JAX_PLATFORMS": "cpu",
            }
            (self.root / f"worker_{worker}.json").write_text(json.dumps(own))
        return self

    def say(self, state: str) -> None:
        """The state of the TPU VM; empty where there is none."""
        (self.root / "state").write_text(state)
        if not state:
            (self.root / "state").unlink()

    def start(self, script: str, *arguments: str, **options) -> subprocess.Popen:
        """A script of tpu_scripts, with the stand-ins first on the path, and Ctrl-C as in a terminal.

        Tests that run as a background job ignore Ctrl-C, and so would a script that they start.
        """
        environ = os.environ | {"PATH": f"{STAND_INS}:{os.environ['PATH']}", "STAND_IN": str(self.root)}
        return subprocess.Popen(
            ["env", "--default-signal=INT", str(SCRIPTS / script), *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def run(self, script: str, *arguments: str) -> tuple[int, str, str]:
        """Its status, standard output and standard error."""
        process = self.start(script, *arguments)
        output, errors = process.communicate(timeout=280)
        return process.returncode, output, errors

    def calls(self) -> list[list[str]]:
        path = self.root / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def home(self, worker: int) -> Path:
        return self.root / f"worker_{worker}"

    def process(self, worker: int, session: str = "run") -> int:
        return int((self.home(worker) / "astra-sessions" / session / "process").read_text())

    def sync(self) -> None:
        """This tree on every host, as sync.sh copies it."""
        assert self.run("sync.sh", "--name=pod", "--zone=here")[0] == 0

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def end(self) -> None:
        self.close()
        for path in self.root.glob("worker_*/astra-sessions/*/process"):
            if not path.with_name("status").exists():
                with suppress(ProcessLookupError):
                    os.kill(int(path.read_text()), signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def _metadata(self, worker: int, workers: int) -> int:
        known = {
            "agent-worker-number": str(worker),
            "worker-network-endpoints": ",".join(["127.0.0.1"] * workers),
            "tpu-env": f"WORKER_ID: '{worker}'\n",
        }
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Metadata, known))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers.append(server)
        return server.server_port


class Metadata(BaseHTTPRequestHandler):
    """The metadata server of a TPU VM."""

    def __init__(self, known: dict[str, str], *arguments):
        self.known = known
        super().__init__(*arguments)

    def do_GET(self):
        text = self.known.get(self.path.rpartition("/")[2])
        self.send_response(404 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def cloud(tmp_path) -> Iterator[Cloud]:
    (tmp_path / "cloud").mkdir()
    made = Cloud(tmp_path / "cloud")
    yield made
    made.end()
