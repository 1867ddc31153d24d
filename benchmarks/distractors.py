"""How fast a pool of tools is banded once it is embedded, and how fast MiniLM embeds it.

Banding is measured against what one writes first: the whole matrix of cosines in float64, every row normalised. Both
must put the same tools into the same bands. MiniLM in NumPy is measured against the same model in PyTorch, where that
is installed. What it does not show: how good the distractors are, and a server with a large embedding model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from benchmarks.reporting import Figure, main
from data_synthesis.arenas.bands import BandSettings, EmbeddedPool, banded, document_text, draws
from data_synthesis.arenas.distractors import PoolTool
from data_synthesis.embedding import EmbeddingUnavailable
from data_synthesis.embedding.minilm import LONGEST, MiniLM
from data_synthesis.embedding.weights import minilm_files
from data_synthesis.records import Arena, ArenaTool, ToolSpec
from data_synthesis.teacher.procedural import Options, make_arenas

TOOLS, ARENAS, PER_ARENA, DOMAINS = 10_000, 1_000, 3, 30
WIDTHS = (384, 4096)  # of MiniLM and of Qwen3-Embedding-8B
TEXTS, BATCH = 200, 32
CACHE = Path.home() / ".cache" / "astra-jax" / "all-MiniLM-L6-v2"


def measure(tools: Path | None) -> list[Figure]:
    return [*(figure for width in WIDTHS for figure in banding(width)), *embedding(tools)]


def banding(width: int) -> list[Figure]:
    pool = [invented_tool(number) for number in range(TOOLS)]
    arenas = [invented_arena(pool, number) for number in range(ARENAS)]
    vectors = clustered([each.domain for each in pool], width)
    embedder = Known(dict(zip((document_text(each.tool.spec) for each in pool), vectors, strict=True)), width)
    embedded = EmbeddedPool(pool, embedder)
    ours, _ = timed(lambda: list(draws(arenas, embedded)))
    naive, expected = timed(lambda: full_matrix(pool, arenas, vectors))
    settings = BandSettings()
    same = sum(
        all(np.array_equal(found[band], wanted[band]) for band in wanted)
        for found, wanted in zip(embedded.candidates(arenas, settings), expected, strict=True)
    )
    what = f"{width} wide"
    return [
        Figure(
            f"{TOOLS} tools banded for {ARENAS} arenas, {what}", ours, "s", bar="under 10 s", met=ours < 10
        ),
        Figure(
            f"banded, times as fast, {what}",
            naive / ours,
            "x",
            "the whole matrix in float64",
            "above 1",
            naive > ours,
        ),
        Figure(
            f"same bands, {what}", same, "arenas", "the whole matrix in float64", f"{ARENAS}", same == ARENAS
        ),
    ]


def embedding(tools: Path | None) -> list[Figure]:
    texts = real_texts(tools) if tools else procedural_texts()
    try:
        files = minilm_files(CACHE)
    except EmbeddingUnavailable as error:
        print(f"MiniLM is not measured: {error}", file=sys.stderr)
        return []
    minilm = MiniLM(files)
    minilm.embed(texts[:BATCH])
    ours, vectors = timed(lambda: minilm.embed(texts))
    lengths = token_counts(files, texts)
    figures = [
        Figure("mean length of a text, as read", lengths.clip(max=LONGEST).mean(), "tokens"),
        Figure(f"texts longer than {LONGEST} tokens", 100 * (lengths > LONGEST).mean(), "%"),
        Figure("MiniLM in NumPy", len(texts) / ours, "texts/s"),
        Figure(f"MiniLM in NumPy, {TOOLS} such texts", TOOLS * ours / len(texts), "s"),
    ]
    try:
        theirs, expected = torch_embeddings(files, texts)
    except ImportError:
        return figures
    apart = float(np.abs(vectors - expected).max())
    against = f"PyTorch and transformers, batches of {BATCH}"
    return [
        *figures,
        Figure("MiniLM in PyTorch", len(texts) / theirs, "texts/s", against),
        Figure("NumPy, times as fast", theirs / ours, "x", against),
        Figure("largest difference of a number", apart, "", against, "below 1e-5", apart < 1e-5),
    ]


class Known:
    """Looks vectors up: what is measured starts where embedding has ended."""

    name = "known"

    def __init__(self, vectors: dict[str, np.ndarray], width: int):
        self.vectors, self.width = vectors, width

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([self.vectors[text] for text in texts], np.float32).reshape(len(texts), self.width)


def invented_tool(number: int) -> PoolTool:
    name = f"tool_{number}"
    spec = ToolSpec(name=name, description=f"Number {number}.")
    return PoolTool(
        f"domain {number % DOMAINS}", ArenaTool(spec=spec, source=f"def {name}():\n    return {number}\n")
    )


def invented_arena(pool: Sequence[PoolTool], number: int) -> Arena:
    """An arena of tools of one domain."""
    own = [pool[(number + each * DOMAINS) % TOOLS] for each in range(PER_ARENA)]
    gold = [{"id": 1, "tool": own[0].tool.name, "expected": number}]
    return Arena.model_validate(
        {
            "question": f"Which is {number}?",
            "domain": own[0].domain,
            "tools": [o.tool for o in own],
            "gold_calls": gold,
        }
    )


def clustered(domains: Sequence[str], width: int) -> np.ndarray:
    """Unit vectors, each around its domain's."""
    rng = np.random.default_rng(0)
    centres = {domain: rng.standard_normal(width) for domain in dict.fromkeys(domains)}
    vectors = np.array([centres[domain] + rng.standard_normal(width) for domain in domains])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def full_matrix(
    pool: Sequence[PoolTool], arenas: Sequence[Arena], vectors: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """Places by band for each arena, from all cosines at once."""
    cosines = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    np.fill_diagonal(cosines, np.nan)
    lowest, highest = np.nanmin(cosines, axis=1, keepdims=True), np.nanmax(cosines, axis=1, keepdims=True)
    normalised = (cosines - lowest) / (highest - lowest)
    np.fill_diagonal(normalised, -np.inf)
    row = {each.tool.name: number for number, each in enumerate(pool)}
    domains = np.array([each.domain for each in pool])
    found = []
    for arena in arenas:
        own = [row[tool.name] for tool in arena.tools]
        near = normalised[own].max(axis=0)
        near[own] = near[domains == arena.domain] = -np.inf
        found.append(banded(near, BandSettings()))
    return found


def procedural_texts() -> list[str]:
    arenas = make_arenas(200, seed=0, options=Options(docs="full"))
    texts = dict.fromkeys(document_text(tool.spec) for arena in arenas for tool in arena.tools)
    return list(texts)[:TEXTS]


def real_texts(path: Path) -> list[str]:
    """Every so many of the tools of a file of servers in upstream ASTRA's layout."""
    servers = [json.loads(line)["base_info"]["tool_list"] for line in path.read_text("utf-8").splitlines()]
    texts = [
        document_text(
            ToolSpec(
                name=tool["name"],
                description=tool.get("description") or "",
                parameters=tool.get("parameters") or {},
            )
        )
        for server in servers
        for tool in server
    ]
    return texts[:: max(1, len(texts) // TEXTS)][:TEXTS]


def token_counts(files: Path, texts: Sequence[str]) -> np.ndarray:
    tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return np.array([len(encoding) for encoding in tokenizer.encode_batch(list(texts))])


def torch_embeddings(files: Path, texts: Sequence[str]) -> tuple[float, np.ndarray]:
    import torch
    import transformers
    from safetensors.torch import load_file

    config = transformers.BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(load_file(files / "model.safetensors"), strict=False)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(files / "tokenizer.json"), pad_token="[PAD]"
    )

    def embed(some: Sequence[str]) -> Any:
        batch = tokenizer(
            list(some), padding="longest", truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        mask = batch["attention_mask"].unsqueeze(-1)
        hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))

    with torch.no_grad():
        embed(texts[:BATCH])
        seconds, vectors = timed(
            lambda: torch.cat([embed(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)])
        )
    return seconds, vectors.numpy()


def timed(work):
    """Seconds that `work` takes, and its result."""
    start = perf_counter()
    result = work()
    return perf_counter() - start, result


if __name__ == "__main__":
    main(
        "distractors: banding and embedding",
        measure,
        tools="embed these tools: servers in upstream ASTRA's layout",
    )
