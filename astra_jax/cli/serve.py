"""`astra serve`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from astra_jax.cli.parsing import verb


def add_serve_verb(verbs: argparse._SubParsersAction) -> None:
    parser = verb(
        verbs,
        "serve",
        _serve,
        "a checkpoint over HTTP: OpenAI's API and SGLang's",
        "astra serve runs/nano/hf --port=8000",
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="Hugging Face directory")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--model", help="its name in requests; default: the directory's")
    parser.add_argument("--chat-format", default="qwen3", choices=["qwen3", "chatml"])
    parser.add_argument(
        "--dtype",
        default="float32",
        choices=["float32", "bfloat16"],
        help="of weights, products and cache; bfloat16 on a GPU or TPU",
    )
    parser.add_argument(
        "--slots", type=int, default=0, help="sequences at once on each device; default: 8 on a CPU, else 32"
    )
    parser.add_argument("--context", type=int, default=4096, help="tokens of a sequence")
    parser.add_argument(
        "--cpu-devices", type=int, default=0, help="engines on a CPU: one for each core is best"
    )
    parser.add_argument(
        "--no-prompt-cache", action="store_true", help="read every prompt whole, as if it were the first"
    )
    parser.add_argument("--queue", type=int, default=256, help="requests that may wait; then 429")
    parser.add_argument("--deadline", type=float, default=600.0, help="seconds of a request")
    parser.add_argument("--drain", type=float, default=60.0, help="seconds that requests have after SIGTERM")


def _serve(arguments: argparse.Namespace, console: Console) -> int:
    import jax

    if arguments.cpu_devices:
        jax.config.update("jax_num_cpu_devices", arguments.cpu_devices)
    from astra_jax.inference.engine import EngineSize
    from astra_jax.inference.server.run import make_service, model_name, serve
    from astra_jax.inference.server.service import Settings
    from astra_jax.tokens import FORMATS

    settings = Settings(
        model=arguments.model or model_name(arguments.directory),
        folder=arguments.directory,
        format=FORMATS[arguments.chat_format].as_exported(arguments.directory),
        queue=arguments.queue,
        deadline_s=arguments.deadline,
        dtype=arguments.dtype,
    )
    # A step computes all slots, busy or not, which costs a CPU time.
    slots = arguments.slots or (8 if jax.default_backend() == "cpu" else 32)
    size = EngineSize(
        slots=slots,
        context=arguments.context,
        stop_ids=8,
        shares_prompts=not arguments.no_prompt_cache,
    )
    service = make_service(settings, size, jax.local_devices())
    console.print(
        f"serve: {settings.model} on {len(jax.local_devices())} {jax.default_backend()} device(s) of {slots} slots, "
        f"http://{arguments.host}:{arguments.port}",
        soft_wrap=True,
        highlight=False,
    )
    serve(service, arguments.host, arguments.port, arguments.drain)
    return 0
