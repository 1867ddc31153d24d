"""OpenAI's routes: models, completions, chat completions."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from astra_jax.inference.interface import Grammar, Sampling
from astra_jax.inference.server.chat import ChatTurn
from astra_jax.inference.server.errors import Refused
from astra_jax.inference.server.openai_requests import ChatRequest, Common, CompletionRequest
from astra_jax.inference.server.service import Answer, Delta, Service
from astra_jax.inference.server.streaming import events, merged, until_gone
from astra_jax.inference.server.validation import body_of, random_seed

_FINISH = {"stop": "stop", "length": "length", "abort": "abort", "deadline": "length"}


class OpenAI:
    """The handlers."""

    def __init__(self, service: Service):
        self.service = service
        self._created = int(time.time())

    async def models(self, request: Request) -> Response:
        name = self.service.settings.model
        model = {"id": name, "object": "model", "created": self._created, "owned_by": "astra_jax"}
        return JSONResponse({"object": "list", "data": [model | {"max_model_len": self.service.context}]})

    async def completions(self, request: Request) -> Response:
        asked = await body_of(request, CompletionRequest)
        self._check(asked)
        encode = self.service.tokenizer.encode_prompt
        prompts = [encode(p) if isinstance(p, str) else p for p in asked.prompts()]
        most = 16 if asked.max_tokens is None else asked.max_tokens
        answers = self._begin(asked, prompts, most, tag="cmpl-")
        frame = _Frame("text_completion", asked.model, answers[0].rid)
        if asked.stream:
            return events(self._stream_text(asked, answers, frame))
        await until_gone(request, asyncio.gather(*(answer.whole() for answer in answers)))
        choices = [
            {
                "index": i,
                "text": answer.text,
                "logprobs": self._text_logprobs(asked, answer),
                "finish_reason": _FINISH[answer.reason],
            }
            for i, answer in enumerate(answers)
        ]
        return JSONResponse(frame.of(choices) | {"usage": _usage(answers)})

    async def chat(self, request: Request) -> Response:
        asked = await body_of(request, ChatRequest)
        self._check(asked)
        asked.refuse_other_template(self.service.settings.format)
        messages, tools = [m.message() for m in asked.messages], asked.shown_tools()
        prompt = self.service.tokenizer.encode_prompt(self.service.settings.format.open(messages, tools))
        most = asked.most_tokens
        if most is None:
            most = max(self.service.context - len(prompt), 1)
        answers = self._begin(asked, [prompt], most, grammar=self._grammar_of(asked), tag="chatcmpl-")

        def turn() -> ChatTurn:
            return ChatTurn(bool(tools), asked.parallel_tool_calls)

        if asked.stream:
            frame = _Frame("chat.completion.chunk", asked.model, answers[0].rid)
            return events(self._stream_chat(asked, answers, frame, turn))
        await until_gone(request, asyncio.gather(*(answer.whole() for answer in answers)))
        frame = _Frame("chat.completion", asked.model, answers[0].rid)
        choices = []
        for i, answer in enumerate(answers):
            message = turn().take(answer.text).message()
            choices.append(
                {
                    "index": i,
                    "message": message,
                    "logprobs": self._chat_logprobs(asked, answer),
                    "finish_reason": "tool_calls" if "tool_calls" in message else _FINISH[answer.reason],
                }
            )
        return JSONResponse(frame.of(choices) | {"usage": _usage(answers)})

    def _check(self, asked: Common) -> None:
        if asked.model != self.service.settings.model:
            message = f"there is no model {asked.model!r}; this server has {self.service.settings.model!r}"
            raise Refused(404, message, "model_not_found")
        asked.refuse_unmet()

    def _grammar_of(self, asked: ChatRequest) -> Callable[[], Grammar] | None:
        grammars, wanted = self.service.grammars, asked.response_format
        if forced := asked.forced_tools():
            several = asked.parallel_tool_calls and asked.tool_choice == "required"
            return lambda: grammars.tool_calls(forced, several)
        if wanted is None or wanted.type == "text":
            return None
        if wanted.type == "json_object":
            return lambda: grammars.json_schema({"type": "object"})
        if wanted.json_schema is None:
            raise Refused(400, "response_format is json_schema, and has none")
        schema = wanted.json_schema.schema_
        return lambda: grammars.json_schema(schema)

    def _begin(
        self,
        asked: Common,
        prompts: Sequence[Sequence[int]],
        most: int,
        *,
        tag: str,
        grammar: Callable[[], Grammar] | None = None,
    ) -> list[Answer]:
        sampling = Sampling(
            max_tokens=most,
            stop_ids=self.service.stop_ids,
            temperature=asked.temperature,
            seed=random_seed() if asked.seed is None else asked.seed,
            top_p=asked.top_p,
            top_k=max(asked.top_k, 0),
            top_logprobs=asked.likeliest,
        )
        rids = [f"{tag}{uuid.uuid4().hex}"] * len(prompts)
        return self.service.begin_all(
            prompts, asked.n, sampling, rids=rids, stops=asked.stop, grammar=grammar
        )

    async def _stream_text(
        self, asked: CompletionRequest, answers: list[Answer], frame: _Frame
    ) -> AsyncGenerator[dict, None]:
        async with aclosing(merged([answer.deltas() for answer in answers])) as deltas:
            async for i, delta in deltas:
                choice = {"index": i, "text": delta.text if delta else "", "finish_reason": None}
                if delta is None:
                    choice["finish_reason"] = _FINISH[answers[i].reason]
                else:
                    choice["logprobs"] = self._text_logprobs(asked, delta)
                yield frame.of([choice])
        if asked.stream_options.include_usage:
            yield frame.of([]) | {"usage": _usage(answers)}

    async def _stream_chat(
        self, asked: ChatRequest, answers: list[Answer], frame: _Frame, turn: Callable[[], ChatTurn]
    ) -> AsyncGenerator[dict, None]:
        turns = [turn() for _ in answers]
        for i in range(len(answers)):
            yield frame.of([_chunk(i, {"role": "assistant", "content": ""})])
        async with aclosing(merged([answer.deltas() for answer in answers])) as deltas:
            async for i, delta in deltas:
                if delta is None:
                    rest = turns[i].close()
                    if rest:
                        yield frame.of([_chunk(i, rest)])
                    calls = "tool_calls" in rest
                    yield frame.of([_chunk(i, {}, "tool_calls" if calls else _FINISH[answers[i].reason])])
                    continue
                new, logprobs = turns[i].add(delta.text), self._chat_logprobs(asked, delta)
                if new or logprobs:
                    yield frame.of([_chunk(i, new) | {"logprobs": logprobs}])
        if asked.stream_options.include_usage:
            yield frame.of([]) | {"usage": _usage(answers)}

    def _chat_logprobs(self, asked: ChatRequest, drawn: Answer | Delta) -> dict | None:
        if not asked.logprobs:
            return None
        likeliest = drawn.top_logprobs or [[] for _ in drawn.token_ids]
        content = [
            self._scored(token, logprob) | {"top_logprobs": [self._scored(*other) for other in others]}
            for token, logprob, others in zip(drawn.token_ids, drawn.logprobs, likeliest, strict=True)
        ]
        return {"content": content, "refusal": None}

    def _scored(self, token: int, logprob: float) -> dict[str, Any]:
        text = self.service.tokenizer.decode([token])
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}

    def _text_logprobs(self, asked: CompletionRequest, drawn: Answer | Delta) -> dict | None:
        if asked.logprobs is None:
            return None
        decode = self.service.tokenizer.decode
        tokens = [decode([token]) for token in drawn.token_ids]
        # By text, as OpenAI has it: of tokens with one text the likeliest counts, and the drawn one before all.
        top = [
            {decode([token]): logprob for token, logprob in reversed(likeliest)} | {text: own}
            for text, own, likeliest in zip(tokens, drawn.logprobs, drawn.top_logprobs, strict=False)
        ]
        return {
            "tokens": tokens,
            "token_logprobs": drawn.logprobs,
            "top_logprobs": top if asked.logprobs else None,
            "text_offset": [],
        }


class _Frame:
    """What every answer of a kind begins with."""

    def __init__(self, kind: str, model: str, rid: str):
        self._head = {"id": rid, "object": kind, "created": int(time.time()), "model": model}

    def of(self, choices: list[dict]) -> dict[str, Any]:
        return self._head | {"choices": choices}


def _chunk(index: int, delta: dict, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def _usage(answers: Sequence[Answer]) -> dict[str, Any]:
    drawn = sum(len(answer.token_ids) for answer in answers)
    read = sum(answer.prompt_tokens for answer in answers)
    return {
        "prompt_tokens": read,
        "completion_tokens": drawn,
        "total_tokens": read + drawn,
        "prompt_tokens_details": {"cached_tokens": sum(answer.cached_tokens for answer in answers)},
    }
