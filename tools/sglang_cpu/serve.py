"""Serves a text model with SGLang on a CPU: `.venv-sglang/bin/python tools/sglang_cpu/serve.py MODEL_DIR --port 30000`.

The server names the model after its directory. Further arguments are SGLang's own, and override those set here.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import stand_ins

# SGLang spawns its scheduler and its detokenizer, which run this file's head again: they need the stand-ins too.
stand_ins.install()

ENVIRONMENT = {
    "SGLANG_USE_CPU_ENGINE": "1",
    "HF_HUB_OFFLINE": "1",
    # Threads that spin while they wait hold up the very threads they wait for, wherever other processes run too.
    "OMP_WAIT_POLICY": "PASSIVE",
}
# Room for eight short conversations: 16,384 tokens of SmolLM2's cache in float32 are 0.75 GB.
ARGUMENTS = shlex.split("""
    --host 127.0.0.1 --device cpu --dtype float32 --attention-backend torch_native --sampling-backend pytorch
    --disable-overlap-schedule --skip-server-warmup --mem-fraction-static 0.3
    --context-length 8192 --max-total-tokens 16384 --max-running-requests 8
    --tool-call-parser qwen --constrained-json-disable-any-whitespace --sleep-on-idle
""")


def main(model: str, *arguments: str) -> None:
    os.environ.update(ENVIRONMENT)
    from sglang.launch_server import run_server  # pyright: ignore[reportMissingImports]
    from sglang.srt.server_args import prepare_server_args  # pyright: ignore[reportMissingImports]
    from sglang.srt.utils import kill_process_tree  # pyright: ignore[reportMissingImports]

    named = ["--model-path", model, "--served-model-name", Path(model).name]
    try:
        run_server(prepare_server_args([*named, *ARGUMENTS, *arguments]))
    finally:
        kill_process_tree(os.getpid(), include_parent=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
