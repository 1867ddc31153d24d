"""How many tokens an episode costs a nano model: its own tokenizer against plain byte-level BPE of the same size.

Both learn from the same arenas. They are measured on arenas of domains that neither has seen. What it does not show:
whether a model learns better from either.
"""

from __future__ import annotations

from statistics import mean, median
from tempfile import TemporaryDirectory

from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as RustTokenizer

from astra_jax.tokens import QWEN3, Tokenizer, tokenise
from astra_jax.tokens.nano import SPECIAL, TAGS, train_tokenizer
from benchmarks.reporting import Figure, main
from data_synthesis.arenas import oracle_trajectory
from data_synthesis.records import Trajectory
from data_synthesis.sandbox import LocalSandbox
from data_synthesis.teacher.procedural import DOMAINS, Options, make_arenas

VOCAB_SIZE = 2048
BRIEF = Options(docs="brief", max_sub_questions=2)
# The pre-tokenizer of GPT-4 and Qwen in short: words with their space, single digits, runs of signs, white space.
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"


def two_call_trajectories(domains: list[str], count: int, seed: int) -> list[Trajectory]:
    with LocalSandbox() as sandbox:
        arenas = make_arenas(count, seed=seed, domains=domains, options=BRIEF)
        rows = [oracle_trajectory(arena, sandbox) for arena in arenas]
    return [row for row in rows if sum(len(m.tool_calls) for m in row.messages) == 2]


def plain_tokenizer(rows: list[Trajectory], directory: str) -> Tokenizer:
    tokenizer = RustTokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(SPECIAL) - len(TAGS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [span.text for row in rows for span in QWEN3.render(row.messages, row.tools)]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (*SPECIAL, *TAGS)])
    tokenizer.save(f"{directory}/tokenizer.json")
    return Tokenizer(directory)


def tokens_per_tool(tokenizer: Tokenizer, rows: list[Trajectory]) -> float:
    """What one more tool adds to a prompt."""
    several = [row for row in rows if len(row.tools) > 1]
    added = [
        (prompt_length(tokenizer, row, len(row.tools)) - prompt_length(tokenizer, row, 1))
        / (len(row.tools) - 1)
        for row in several
    ]
    return mean(added)


def prompt_length(tokenizer: Tokenizer, row: Trajectory, tools: int) -> int:
    return len(tokenizer.encode_prompt(QWEN3.open(row.messages[:1], row.tools[:tools])))


def measure() -> list[Figure]:
    domains = list(DOMAINS)
    seen, unseen = domains[::2], domains[1::2]
    training, held_out = (
        two_call_trajectories(names, 600, seed) for seed, names in enumerate((seen, unseen), 1)
    )
    with TemporaryDirectory() as nano_directory, TemporaryDirectory() as plain_directory:
        nano = train_tokenizer(training, nano_directory, vocab_size=VOCAB_SIZE)
        plain = plain_tokenizer(training, plain_directory)
    return [
        *compare("one more tool in the prompt", nano, plain, 45, lambda t: tokens_per_tool(t, held_out)),
        *compare("episode of two calls", nano, plain, 300, lambda t: episode_length(t, held_out)),
    ]


def episode_length(tokenizer: Tokenizer, rows: list[Trajectory]) -> float:
    return median(len(tokenise(row, tokenizer, QWEN3).ids) for row in rows)


def compare(name, nano, plain, bar, tokens_of) -> list[Figure]:
    ours, theirs = tokens_of(nano), tokens_of(plain)
    against = f"plain BPE: {theirs:.0f}"
    return [
        Figure(name, ours, "tokens", against, f"< {bar}", ours < bar),
        Figure(f"{name}, plain / ours", theirs / ours, "ratio", "plain BPE, same size"),
    ]


if __name__ == "__main__":
    main("Tokens of brief arenas of unseen domains", measure)
