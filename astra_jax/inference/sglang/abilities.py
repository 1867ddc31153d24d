"""What a server is, and what it can do: asked, not assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from astra_jax.inference.sglang.address import Address
from astra_jax.inference.sglang.errors import NoAnswer, Refusal

Kind = Literal["astra_jax", "SGLang", "SGLang-JAX"]

_UPDATE = "/update_weights_from_disk"
# What SGLang and SGLang-JAX were started with if they draw by the seed of a request; without it they ignore it.
_BY_SEED = ("enable_deterministic_inference", "enable_deterministic_sampling")
_SHORT_S = 30.0  # for a question that needs no model


@dataclass(frozen=True)
class Abilities:
    """Of one server."""

    kind: Kind
    context: int  # tokens of a sequence
    updates: bool  # takes weights from a folder
    takes_seed: bool  # knows `sampling_seed`
    repeats: bool  # draws the same tokens again from the same seed
    outputs_only: (
        bool  # knows `return_output_logprob_only`: without it SGLang-JAX scores the prompt too, slowly
    )


async def probe(address: Address, deadline_s: float) -> Abilities:
    """Asks for what is told, and generates one token for what is not.

    Raises:
        NoAnswer, Refusal: as `Address.get`; or what answers is no server of this kind.
    """
    info = await _either(address, "/server_info", "/get_server_info")
    if not isinstance(info, dict):
        raise NoAnswer(f"{address.url} is no server of generations: it tells nothing of itself")
    described = await _described(address)
    kind = _kind(info)
    takes_seed = await _takes_seed(address, deadline_s)
    return Abilities(
        kind=kind,
        context=await _context(address, info),
        updates=kind == "astra_jax" or (_UPDATE in described if described else kind == "SGLang"),
        takes_seed=takes_seed,
        repeats=takes_seed and (kind == "astra_jax" or any(info.get(flag) for flag in _BY_SEED)),
        outputs_only=kind == "SGLang-JAX",
    )


def _kind(info: dict[str, Any]) -> Kind:
    if info.get("server") == "astra_jax":
        return "astra_jax"
    # JAX compiles for shapes that are given at the start; PyTorch does not ask for them.
    return "SGLang-JAX" if any(name.startswith("precompile") for name in info) else "SGLang"


async def _either(address: Address, path: str, old: str) -> Any:
    """A route, by its name of today or that of earlier releases."""
    try:
        return await address.get(path, _SHORT_S)
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return await address.get(old, _SHORT_S)


async def weights_of(address: Address, deadline_s: float) -> str | None:
    """The name of the weights in use; None where the server names none. Raises as `Address.get`."""

    async def ask(path: str) -> str | None:
        info = await address.get(path, deadline_s)
        return info.get("weight_version") if isinstance(info, dict) else None

    try:
        return await ask("/model_info")
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return await ask("/get_model_info")


async def _described(address: Address) -> dict[str, Any]:
    """The routes by FastAPI's own description; empty where there is none."""
    try:
        described = await address.get("/openapi.json", _SHORT_S)
    except (NoAnswer, Refusal):
        return {}
    return described.get("paths", {}) if isinstance(described, dict) else {}


async def _context(address: Address, info: dict[str, Any]) -> int:
    """Of the model as it is served, or what the whole cache holds if that is less."""
    served = await address.get("/v1/models", _SHORT_S)
    try:
        lengths = [served["data"][0].get("max_model_len")]
    except (KeyError, IndexError, TypeError, AttributeError):
        lengths = []
    lengths += [info.get("context_length"), info.get("max_total_num_tokens")]
    known = [int(length) for length in lengths if length]
    if not known:
        raise NoAnswer(f"{address.url} does not say how many tokens a sequence may have")
    return min(known)


async def _takes_seed(address: Address, deadline_s: float) -> bool:
    """Whether one token can be drawn with a seed. That one can be drawn at all is asked here, too."""
    params = {"max_new_tokens": 1, "temperature": 1.0}
    for seed in ({"sampling_seed": 1}, {}):
        try:
            body = {"input_ids": [0], "sampling_params": params | seed}
            await address.post("/generate", body, deadline_s)
            return bool(seed)
        except Refusal as refusal:
            if not seed or refusal.status >= 500:
                raise
    raise AssertionError
