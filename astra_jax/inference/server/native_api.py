"""SGLang's own routes: token ids in and out, and what a trainer needs between two updates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from astra_jax.inference.interface import MOST_TOP_LOGPROBS, Grammar, Sampling
from astra_jax.inference.server.errors import Refused
from astra_jax.inference.server.service import Answer, Service
from astra_jax.inference.server.streaming import events, merged, until_gone
from astra_jax.inference.server.validation import Stops, body_of, random_seed


class SamplingParams(BaseModel):
    """Those of SGLang that are met; any other is refused, as it would change what is drawn."""

    model_config = ConfigDict(extra="forbid")

    max_new_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    stop: Stops = []
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    n: int = Field(default=1, ge=1, le=128)
    sampling_seed: int | None = None
    json_schema: JsonValue = None
    regex: str | None = None
    skip_special_tokens: bool = True
    no_stop_trim: Literal[False] = False


# Fields of SGLang that would change the answer, and are not met. Its others say how it does its work.
_UNMET = (
    "audio_data", "custom_logit_processor", "image_data", "input_embeds", "lora_id", "lora_path",
    "return_entropy", "return_hidden_states", "return_text_in_logprobs", "session_params", "token_ids_logprob",
    "video_data",
)  # fmt: skip


class GenerateRequest(BaseModel):
    model_config = ConfigDict(extra="allow")  # to be refused by name

    text: str | list[str] | None = None
    input_ids: list[int] | list[list[int]] | None = None
    sampling_params: SamplingParams = SamplingParams()
    return_logprob: bool = False
    logprob_start_len: int = -1
    top_logprobs_num: int = 0
    stream: bool = False
    rid: str | None = None

    def refuse_unmet(self) -> None:
        for name in _UNMET:
            if _says_something((self.model_extra or {}).get(name)):
                raise Refused(400, f"{name} is not supported")


class AbortRequest(BaseModel):
    rid: str = ""
    abort_all: bool = False


class PauseRequest(BaseModel):
    mode: Literal["abort", "retract", "in_place"] = "abort"


class UpdateRequest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    model_path: str
    weight_version: str | None = None
    abort_all_requests: bool = False


class Native:
    """The handlers."""

    def __init__(self, service: Service):
        self.service = service

    async def generate(self, request: Request) -> Response:
        asked = await body_of(request, GenerateRequest)
        asked.refuse_unmet()
        prompts, many = self._prompts(asked)
        answers = self._begin(asked, prompts)
        if asked.stream:
            return events(self._stream(asked, answers))
        await until_gone(request, asyncio.gather(*(answer.whole() for answer in answers)))
        replies = [self._reply(asked, answer, over=True) for answer in answers]
        return JSONResponse(replies if many or len(replies) > 1 else replies[0])

    async def abort(self, request: Request) -> Response:
        asked = await body_of(request, AbortRequest)
        if asked.abort_all:
            self.service.abort_all()
        else:
            self.service.abort(asked.rid)
        return Response()

    async def pause(self, request: Request) -> Response:
        asked = await body_of(request, PauseRequest)
        if asked.mode == "abort":
            self.service.abort_all()
        self.service.engines.pause()
        if asked.mode == "retract":
            self.service.engines.flush()
        return JSONResponse({"status": "ok", "message": "paused"})

    async def resume(self, request: Request) -> Response:
        self.service.engines.resume()
        return JSONResponse({"status": "ok", "message": "continued"})

    async def flush(self, request: Request) -> Response:
        self.service.flush()
        return Response("Cache flushed.\n")

    async def update(self, request: Request) -> Response:
        asked = await body_of(request, UpdateRequest)
        if asked.abort_all_requests:
            self.service.abort_all()
        under_way = sum(self.service.engines.load)
        try:
            await self.service.update(Path(asked.model_path), asked.weight_version)
        except Refused as refusal:
            failed = {"success": False, "message": str(refusal), "num_paused_requests": 0}
            return JSONResponse(failed, refusal.status)
        done = {"success": True, "message": "the weights are in use", "num_paused_requests": under_way}
        return JSONResponse(done)

    async def model_info(self, request: Request) -> Response:
        return JSONResponse(self._model_info())

    async def server_info(self, request: Request) -> Response:
        service = self.service
        running, waiting = service.engines.load
        size = service.engines.size
        engines = len(service.engines.engines)
        mine = {
            "server": "astra_jax",
            "engines": engines,
            "context_length": size.context,
            "max_running_requests": size.slots * engines,
            "max_queued_requests": service.settings.queue,
            "running": running,
            "waiting": waiting,
            "paused": service.engines.paused,
        }
        return JSONResponse(self._model_info() | mine)

    async def health(self, request: Request) -> Response:
        return Response()

    def _model_info(self) -> dict[str, Any]:
        service = self.service
        return {
            "model_path": str(service.folder),
            "served_model_name": service.settings.model,
            "is_generation": True,
            "weight_version": service.versions[-1],
        }

    def _prompts(self, asked: GenerateRequest) -> tuple[Sequence[Sequence[int]], bool]:
        """Ids of each prompt, and whether there may be several."""
        if (asked.text is None) == (asked.input_ids is None):
            raise Refused(400, "give either text or input_ids")
        if asked.text == []:
            raise Refused(400, "text is a list of no prompts")
        if asked.return_logprob and asked.logprob_start_len != -1:
            raise Refused(400, "logprob_start_len is -1: log-probs are of drawn tokens alone")
        if asked.top_logprobs_num and not asked.return_logprob:
            raise Refused(400, "top_logprobs_num is given, and return_logprob is not true")
        if not 0 <= asked.top_logprobs_num <= MOST_TOP_LOGPROBS:
            raise Refused(
                400, f"top_logprobs_num is {asked.top_logprobs_num}: it is from 0 to {MOST_TOP_LOGPROBS}"
            )
        if asked.text is not None:
            texts = [asked.text] if isinstance(asked.text, str) else asked.text
            encode = self.service.tokenizer.encode_prompt
            return [encode(text) for text in texts], not isinstance(asked.text, str)
        ids: Any = asked.input_ids
        many = bool(ids) and isinstance(ids[0], list)
        return (ids, True) if many else ([ids], False)

    def _begin(self, asked: GenerateRequest, prompts: Sequence[Sequence[int]]) -> list[Answer]:
        params, rid = asked.sampling_params, asked.rid or ""
        ends = () if params.ignore_eos else self.service.stop_ids
        sampling = Sampling(
            max_tokens=params.max_new_tokens,
            stop_ids=tuple(dict.fromkeys((*ends, *(params.stop_token_ids or ())))),
            temperature=params.temperature,
            seed=random_seed() if params.sampling_seed is None else params.sampling_seed,
            top_p=params.top_p,
            top_k=max(params.top_k, 0),
            top_logprobs=asked.top_logprobs_num,
        )
        several = rid and len(prompts) > 1
        rids = [f"{rid}_{number}" if several else rid for number in range(len(prompts))]
        grammar = self._grammar_of(params)
        return self.service.begin_all(
            prompts, params.n, sampling, rids=rids, stops=params.stop, grammar=grammar
        )

    def _grammar_of(self, params: SamplingParams) -> Callable[[], Grammar] | None:
        grammars, regex = self.service.grammars, params.regex
        if params.json_schema is not None:
            return lambda: grammars.json_schema(params.json_schema)
        return (lambda: grammars.regex(regex)) if regex is not None else None

    async def _stream(self, asked: GenerateRequest, answers: list[Answer]) -> AsyncGenerator[dict, None]:
        """Each event has all that came so far, as SGLang sends it."""
        async with aclosing(merged([answer.deltas() for answer in answers])) as deltas:
            async for i, delta in deltas:
                reply = self._reply(asked, answers[i], over=delta is None)
                yield reply | ({"index": i} if len(answers) > 1 else {})

    def _reply(self, asked: GenerateRequest, answer: Answer, *, over: bool) -> dict[str, Any]:
        version, names = answer.weight_version, self.service.versions
        meta: dict[str, Any] = {
            "id": answer.rid,
            "finish_reason": _finish(answer) if over else None,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": len(answer.token_ids),
            "cached_tokens": answer.cached_tokens,
            "weight_version": names[-1 if version is None else version],
            "weight_versions": [
                {"version": names[version], "start": start, "end": end}
                for version, start, end in answer.weight_spans
            ],
        }
        if asked.return_logprob:
            pairs = zip(answer.logprobs, answer.token_ids, strict=True)
            meta["output_token_logprobs"] = [[logprob, token, None] for logprob, token in pairs]
        if asked.top_logprobs_num:
            meta["output_top_logprobs"] = [
                [[logprob, token, None] for token, logprob in likeliest] for likeliest in answer.top_logprobs
            ]
        return {"text": answer.text, "output_ids": answer.token_ids, "meta_info": meta}


def _says_something(value: Any) -> bool:
    """Whether a field is given, for one prompt or, in a list, for any."""
    return any(map(_says_something, value)) if isinstance(value, list) else bool(value)


def _finish(answer: Answer) -> dict[str, Any]:
    if answer.reason == "stop":
        return {"type": "stop", "matched": answer.matched}
    if answer.reason == "length":
        return {"type": "length", "length": len(answer.token_ids)}
    message = "aborted" if answer.reason == "abort" else "the server's deadline for a request has passed"
    return {"type": "abort", "message": message}
