"""Embeddings from any server that speaks OpenAI's `/v1/embeddings`, such as SGLang with Qwen3-Embedding-8B."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openai
from openai.types import CreateEmbeddingResponse

from data_synthesis.embedding.interface import EmbeddingUnavailable
from data_synthesis.embedding.text import repaired

_GREETING_SECONDS = 10.0  # that a server has to say which models it serves


@dataclass(frozen=True)
class EmbeddingServer:
    """A server and how it is asked.

    Args:
        model: as the server names it.
        base_url: ends in `/v1`.
        api_key_env: environment variable that holds the key. SGLang needs none unless started with one.
        batch: texts in one request.
        concurrency: requests in flight.
        deadline_s: wall clock of one request, with its repetitions.
        patience: how often a request that was not served (429, 5xx, no connection) is sent again, with growing
            pauses or those that the server asks for.
    """

    model: str
    base_url: str = "http://127.0.0.1:30000/v1"
    api_key_env: str = "OPENAI_API_KEY"
    batch: int = 32
    concurrency: int = 8
    deadline_s: float = 120.0
    patience: int = 5


class ServerEmbedder:
    """Embeds texts over HTTP. Texts go as they are, without an instruction; `embed` is not for an event loop."""

    def __init__(self, server: EmbeddingServer):
        self.server = server
        self.name = server.model
        self._width = 0  # of a vector, once one is known
        self._greeted = False

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder`."""
        if not texts:
            return np.zeros((0, self._width), np.float32)
        vectors = asyncio.run(self._embed([repaired(text) for text in texts]))
        self._width = vectors.shape[1]
        return vectors

    async def _embed(self, texts: list[str]) -> np.ndarray:
        s = self.server
        gate = asyncio.Semaphore(s.concurrency)
        batches = [texts[start : start + s.batch] for start in range(0, len(texts), s.batch)]
        async with openai.AsyncOpenAI(
            base_url=s.base_url,
            api_key=os.environ.get(s.api_key_env) or "none",
            timeout=s.deadline_s,
            max_retries=s.patience,
        ) as client:
            await self._greet(client)
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._batch(client, gate, batch)) for batch in batches]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
        return self._joined([task.result() for task in tasks])

    async def _greet(self, client: openai.AsyncOpenAI) -> None:
        """Refuses a server that says it does not have the model. One that does not list its models is trusted."""
        if self._greeted:
            return
        try:
            async with asyncio.timeout(_GREETING_SECONDS):
                served = [model.id for model in (await client.with_options(max_retries=0).models.list()).data]
        except (TimeoutError, openai.APIConnectionError):
            raise EmbeddingUnavailable(f"no server answers at {self.server.base_url}") from None
        except (openai.APIError, json.JSONDecodeError, AttributeError, TypeError):
            served = [self.server.model]
        if self.server.model not in served:
            raise EmbeddingUnavailable(
                f"{self.server.base_url} does not serve {self.server.model!r}, only {', '.join(served)}"
            )
        self._greeted = True

    async def _batch(
        self, client: openai.AsyncOpenAI, gate: asyncio.Semaphore, texts: list[str]
    ) -> np.ndarray:
        s = self.server
        try:
            async with gate, asyncio.timeout(s.deadline_s):
                response = await client.embeddings.create(model=s.model, input=texts, encoding_format="float")
        except (TimeoutError, openai.APITimeoutError):
            problem = f"did not answer within {s.deadline_s:g} s"
        except openai.APIConnectionError as error:
            problem = f"does not answer ({_cause(error)})"
        except openai.APIStatusError as error:
            problem = f"answered {error.status_code}: {_cause(error)}"
        except (openai.APIError, ValueError) as error:  # no JSON, or no `data` in it
            problem = f"sent no embeddings ({_cause(error)})"
        else:
            return self._vectors(response, len(texts))
        raise EmbeddingUnavailable(f"{s.base_url} {problem}")

    def _vectors(self, response: CreateEmbeddingResponse, count: int) -> np.ndarray:
        """The response's vectors in the order of the texts, checked and scaled to length 1."""
        try:
            by_index = {each.index: np.asarray(each.embedding, np.float64) for each in response.data}
            vectors = np.stack([by_index.pop(index) for index in range(count)])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise EmbeddingUnavailable(
                f"{self.server.base_url} sent no {count} embeddings for {count} texts"
            ) from None
        if by_index or len(response.data) != count or vectors.ndim != 2:
            raise EmbeddingUnavailable(f"{self.server.base_url} sent no {count} embeddings for {count} texts")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise EmbeddingUnavailable(f"{self.server.base_url} sent an embedding that is zero or not finite")
        return (vectors / lengths).astype(np.float32)

    def _joined(self, parts: list[np.ndarray]) -> np.ndarray:
        widths = sorted({part.shape[1] for part in parts} | ({self._width} - {0}))
        if len(widths) > 1:
            raise EmbeddingUnavailable(
                f"{self.server.base_url} sent embeddings of {widths[0]} and of {widths[-1]} numbers"
            )
        return np.concatenate(parts)


def _cause(error: Exception) -> str:
    """The first line of what went wrong, at most 200 characters: a server may send a whole page."""
    text = str(error.__cause__ or error).strip()
    return (text.splitlines()[0] if text else type(error).__name__)[:200]
