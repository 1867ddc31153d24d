"""A server until it is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from astra_jax.inference.checkpoint import sampling_model
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.pool import EnginePool
from astra_jax.inference.server.app import make_app
from astra_jax.inference.server.service import Service, Settings
from astra_jax.tokens import Tokenizer


def make_service(settings: Settings, size: EngineSize, devices: Sequence[Any]) -> Service:
    """Reads the checkpoint `settings.folder`; one engine for each device.

    Raises:
        CheckpointError: it cannot be read.
    """
    tokenizer = Tokenizer(settings.folder)
    model = sampling_model(settings.folder, settings.dtype)
    return Service(EnginePool.on_each(model, size, devices), tokenizer, settings)


def serve(service: Service, host: str, port: int, drain_s: float) -> None:
    """Answers until SIGTERM or SIGINT; then takes no more requests and ends those under way, for `drain_s` at most."""
    config = uvicorn.Config(
        make_app(service),
        host=host,
        port=port,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=max(1, round(drain_s)),
    )
    # uvicorn sends itself the signal again when it has ended, for whoever was there before it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run()


def model_name(folder: Path) -> str:
    """What requests call it where nothing else was said: the folder's name."""
    return folder.resolve().name
