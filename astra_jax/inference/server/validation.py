"""Bodies of requests, checked once."""

from __future__ import annotations

import random
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from astra_jax.inference.server.errors import Refused

Body = TypeVar("Body", bound=BaseModel)

_SEEDS = random.SystemRandom()


async def body_of(request: Request, kind: type[Body]) -> Body:
    """Raises `Refused` with the first thing that is wrong."""
    try:
        return kind.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(400, f"{where}: {first['msg']}" if where else first["msg"]) from None


def random_seed() -> int:
    """For a request that brings none."""
    return _SEEDS.getrandbits(32)
