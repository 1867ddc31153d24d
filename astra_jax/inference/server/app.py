"""The routes, and what an error becomes."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astra_jax.inference.interface import ContextOverflow, GenerationError
from astra_jax.inference.server.errors import Refused
from astra_jax.inference.server.native_api import Native
from astra_jax.inference.server.openai_api import OpenAI
from astra_jax.inference.server.service import Service

_LOG = logging.getLogger(__name__)


def make_app(service: Service) -> Starlette:
    """An ASGI application over `service`."""
    openai, native = OpenAI(service), Native(service)

    async def metrics(request: Request) -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    def posted(path: str, handler) -> Route:
        return Route(path, handler, methods=["POST"])

    def either(path: str, handler) -> Route:
        return Route(path, handler, methods=["GET", "POST"])

    return Starlette(
        routes=[
            Route("/v1/models", openai.models),
            posted("/v1/completions", openai.completions),
            posted("/v1/chat/completions", openai.chat),
            posted("/generate", native.generate),
            posted("/abort_request", native.abort),
            posted("/pause_generation", native.pause),
            posted("/continue_generation", native.resume),
            either("/flush_cache", native.flush),
            posted("/update_weights_from_disk", native.update),
            *(Route(path, native.model_info) for path in ("/model_info", "/get_model_info")),
            *(Route(path, native.server_info) for path in ("/server_info", "/get_server_info")),
            Route("/health", native.health),
            Route("/metrics", metrics),
        ],
        exception_handlers={
            Refused: _refused,
            GenerationError: _cannot_be_met,
            Exception: _failed,
        },
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
    return JSONResponse(error.body, error.status, headers)


async def _cannot_be_met(request: Request, error: Exception) -> Response:
    code = "context_length_exceeded" if isinstance(error, ContextOverflow) else None
    return JSONResponse(Refused(400, str(error), code).body, 400)


async def _failed(request: Request, error: Exception) -> Response:
    _LOG.error("a request failed", exc_info=error)
    return JSONResponse(Refused(500, f"{type(error).__name__}: {error}").body, 500)
