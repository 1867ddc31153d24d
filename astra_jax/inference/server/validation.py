"""Bodies of requests, checked once."""

from __future__ import annotations

import random
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError
from starlette.requests import Request

from astra_jax.inference.server.errors import Refused
from data_synthesis.records import first_problem

Body = TypeVar("Body", bound=BaseModel)

_SEEDS = random.SystemRandom()


def _one_or_many(stop: Any) -> Any:
    return [] if stop is None else [stop] if isinstance(stop, str) else stop


def _not_empty(stops: list[str]) -> list[str]:
    if "" in stops:
        raise ValueError("a stop is empty")
    return stops


Stops = Annotated[list[str], BeforeValidator(_one_or_many), AfterValidator(_not_empty)]


async def body_of(request: Request, kind: type[Body]) -> Body:
    """Raises `Refused` with the first thing that is wrong."""
    try:
        return kind.model_validate_json(await request.body() or b"{}")
    except ValidationError as error:
        where, problem = first_problem(error)
        raise Refused(400, f"{where}: {problem}" if where else problem) from None


def random_seed() -> int:
    """For a request that brings none."""
    return _SEEDS.getrandbits(32)
