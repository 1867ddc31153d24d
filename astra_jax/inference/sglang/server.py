"""One server's routes, as this project uses them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from astra_jax.inference.interface import Sampling
from astra_jax.inference.sglang.abilities import Abilities, probe, weights_of
from astra_jax.inference.sglang.address import Address
from astra_jax.inference.sglang.errors import NoAnswer, Refusal
from astra_jax.inference.sglang.reply import Reply, read_reply

_ORDER_S = 30.0  # for an order that needs no model


class Server:
    """`abilities` are known once `probe` was awaited. Everything raises `NoAnswer` and `Refusal`."""

    def __init__(self, address: Address):
        self._address = address
        self.url = address.url
        self.abilities: Abilities | None = None

    async def probe(self, deadline_s: float) -> Abilities:
        self.abilities = await probe(self._address, deadline_s)
        return self.abilities

    async def generate(
        self, token_ids: Sequence[int], sampling: Sampling, max_tokens: int, *, rid: str, deadline_s: float
    ) -> Reply:
        """Continues `token_ids` by up to `max_tokens`."""
        body = {
            "input_ids": [int(token) for token in token_ids],
            "sampling_params": self._params(sampling, max_tokens),
            "return_logprob": True,
            "logprob_start_len": -1,
            "return_text_in_logprobs": False,
            "rid": rid,
        }
        if sampling.top_logprobs:
            body["top_logprobs_num"] = sampling.top_logprobs
        if self.abilities and self.abilities.outputs_only:
            body["return_output_logprob_only"] = True
        return read_reply(self.url, await self._address.post("/generate", body, deadline_s))

    def _params(self, sampling: Sampling, max_tokens: int) -> dict[str, Any]:
        params = {
            "max_new_tokens": max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k or -1,
            "stop_token_ids": list(sampling.stop_ids),
            "skip_special_tokens": False,
        }
        if self.abilities and self.abilities.takes_seed:
            params["sampling_seed"] = sampling.seed
        if self.abilities and self.abilities.kind == "astra_jax":
            params["ignore_eos"] = True  # SGLang's `ignore_eos` ignores `stop_token_ids` too
        return params

    async def abort(self, rid: str) -> None:
        """Ends a request, which then has what it drew so far."""
        await self._order("/abort_request", {"rid": rid})

    async def pause(self) -> None:
        """Nothing is generated from now on. What was under way is kept, without its cache."""
        await self._order("/pause_generation", {"mode": "retract"})

    async def resume(self) -> None:
        await self._order("/continue_generation", {})

    async def update(self, folder: Path, name: str, deadline_s: float) -> None:
        """Generates with the weights of `folder`, under that name, from now on.

        Raises:
            NoAnswer: the server says that it has done so, and has weights of another name.
        """
        body = {"model_path": str(folder), "weight_version": name, "flush_cache": True}
        answer = await self._address.post("/update_weights_from_disk", body, deadline_s)
        with suppress(ValueError):
            said = json.loads(answer)
            if isinstance(said, dict) and said.get("success") is False:
                raise Refusal(self.url, 400, str(said.get("message")))
        found = await self.weights(_ORDER_S)
        if found != name:
            raise NoAnswer(f"{self.url} was given the weights {name} and has {found}")

    async def weights(self, deadline_s: float) -> str | None:
        """The name of those in use."""
        return await weights_of(self._address, deadline_s)

    async def _order(self, path: str, body: Any) -> None:
        await self._address.post(path, body, _ORDER_S)
