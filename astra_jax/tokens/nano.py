"""A small tokenizer of one's own, for models trained from nothing: byte-level BPE in the Qwen3 manner.

It differs from Qwen3's in what makes prompts short for a nano model and words easy to match and copy:

* the scaffold of the format (JSON punctuation, schema words, the tool instructions) costs one token a piece;
* a word is spelled alike wherever it stands: `hotel` in `get_hotel_price`, in `"hotel"` and after a space are
  the same token, because a single space between two words is not a token. It is implied where words meet.

Decoding an encoding gives the text back, whatever the text. Each run of letters and digits, and each run of anything
else, begins with a mark. A mark between two words reads as a space, any other as nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

from astra_jax.tokens.scaffold import find_scaffold, free_words
from astra_jax.tokens.templates import QWEN3, ChatFormat
from astra_jax.tokens.tokenizer import Tokenizer
from data_synthesis.records import Trajectory

# The tokens of Qwen3 that text conversations use; as there, only the first three are special.
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TAGS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")

_WORD = r"\p{L}\p{M}\p{N}"
_RUNS = rf"[{_WORD}]+|[^{_WORD}]+"
# Words are learned without digits, so that no token ever joins two digits.
_RUNS_TO_LEARN = rf"[\p{{L}}\p{{M}}]+|\p{{N}}|[^{_WORD}]+"

# Three control characters stand for something here, and are escaped where the text itself holds them.
_MARK, _SPACE, _ESCAPE = "\x1f", "\x1c", "\x1e"
_ESCAPES = ((_ESCAPE, _ESCAPE + "."), (_MARK, _ESCAPE + ","), (_SPACE, _ESCAPE + ";"))


def train_tokenizer(
    trajectories: Sequence[Trajectory],
    out_dir: str | Path,
    *,
    vocab_size: int = 2048,
    format: ChatFormat = QWEN3,
    texts: Iterable[str] = (),
) -> Tokenizer:
    """Trains a tokenizer and writes it as a Hugging Face directory that `transformers.AutoTokenizer` loads.

    Args:
        trajectories: what the tokenizer should be short on.
        vocab_size: ids at most, control tokens included; an eighth of them may go to the scaffold.
        format: its Jinja template is written beside the tokenizer.
        texts: more text to learn words from.
    """
    scaffold = find_scaffold(trajectories, format, limit=vocab_size // 8)
    whole = list(dict.fromkeys([*TAGS, *scaffold]))
    rendered = [span.text for row in trajectories for span in format.render(row.messages, row.tools)]
    words = [word for text in [*rendered, *texts] for word in free_words(text, whole)]
    tokenizer = _untrained()
    tokenizer.pre_tokenizer = _pre_tokenizer(_RUNS_TO_LEARN)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL) - len(whole),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.pre_tokenizer = _pre_tokenizer(_RUNS)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in whole])
    _write(tokenizer, Path(out_dir), format)
    return Tokenizer(out_dir)


def _untrained() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(plain, coded) for plain, coded in (*_ESCAPES, (" ", _SPACE))]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.ByteLevel(),
            decoders.Replace(Regex(f"(?<=[{_WORD}]){_MARK}(?=[{_WORD}])"), " "),
            decoders.Replace(_MARK, ""),
            decoders.Replace(_SPACE, " "),
            *(decoders.Replace(coded, plain) for plain, coded in reversed(_ESCAPES)),
        ]
    )
    return tokenizer


def _pre_tokenizer(runs: str) -> pre_tokenizers.PreTokenizer:
    """Drops single spaces between words, cuts the rest into runs, marks each, and spells it in bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"(?<=[{_WORD}]){_SPACE}(?=[{_WORD}])"), "removed"),
            pre_tokenizers.Split(Regex(runs), "isolated"),
            pre_tokenizers.Metaspace(_MARK, prepend_scheme="always", split=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _write(tokenizer: tokenizers.Tokenizer, out_dir: Path, format: ChatFormat) -> None:
    out_dir.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out_dir / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": format.end_of_turn,
        "pad_token": SPECIAL[0],
        "clean_up_tokenization_spaces": False,
    }
    # An export copies this file: without it, `generate` would not know where a turn ends.
    generation = {
        "eos_token_id": tokenizer.token_to_id(format.end_of_turn),
        "pad_token_id": tokenizer.token_to_id(SPECIAL[0]),
    }
    _write_json(out_dir / "tokenizer_config.json", config)
    _write_json(out_dir / "generation_config.json", generation)
    (out_dir / "chat_template.jinja").write_text(format.chat_template(), encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
