"""Text to ids and back: a thin, thread-safe layer over a `tokenizers.Tokenizer` from a Hugging Face directory."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import tokenizers

# Marks where a control token's text, in content from outside, is broken so that it stays text. The character
# is private use; `transformers` marks control tokens in chats with the same one.
_BREAK = "\U000f0000"
_CONTROL = re.compile(r"<(?=\|\w+\|>)")


def quote(text: str) -> str:
    """`text` from outside (a user, a tool, a document), made safe to stand in a rendered chat.

    `Tokenizer.encode_chat` reads a quoted `<|im_end|>` as eleven characters and not as the end of a turn.
    """
    return _CONTROL.sub("<" + _BREAK, text)


def unquote(text: str) -> str:
    """The rendered chat as a template would print it, without the marks of `quote`."""
    return text.replace(_BREAK, "")


class Tokenizer:
    """The tokenizer of a Hugging Face directory.

    Nothing is ever inserted into the ids except by `encode_prompt`, which puts the beginning-of-sequence token
    first exactly if the tokenizer's own post-processor does. Safe to share between threads.

    Args:
        directory: holds `tokenizer.json`, and usually `tokenizer_config.json` and `chat_template.jinja`.

    Raises:
        FileNotFoundError: there is no `tokenizer.json`.
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)
        path = self.directory / "tokenizer.json"
        if not path.is_file():
            raise FileNotFoundError(f"{self.directory} has no tokenizer.json; give a Hugging Face directory")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # The Rust tokenizer raises `Already borrowed` when threads meet in it.
        self._lock = Lock()
        named = _named_tokens(self.directory / "tokenizer_config.json")
        self.eos_id = self._optional_id(named.get("eos_token"))
        self._bos = named.get("bos_token", "")
        self.bos_id = self._inserted_bos(named.get("bos_token"))

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def digest(self) -> str:
        """SHA-256 of the files that decide about ids."""
        files = [self.directory / name for name in ("tokenizer.json", "tokenizer_config.json")]
        content = [file.read_bytes() if file.is_file() else b"" for file in files]
        return hashlib.sha256(b"\0".join(content)).hexdigest()

    def encode(self, text: str) -> list[int]:
        """The ids of `text` and nothing else. Text that spells a control token becomes that token."""
        with self._lock:
            return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_chat(self, text: str) -> list[int]:
        """The ids of a piece of a rendered chat: as `encode`, but what `quote` marked stays text."""
        return [token for piece in text.split(_BREAK) for token in self.encode(piece)]

    def encode_prompt(self, text: str) -> list[int]:
        """The ids of a rendered chat from its first character: exactly one BOS in front iff the tokenizer has one."""
        ids = self.encode_chat(text)
        return [*self._missing_bos(ids), *ids]

    def bos_before(self, text: str) -> str:
        """The text of what `encode_prompt` puts in front of `text`: the BOS token's, or none."""
        return self._bos if self._missing_bos(self.encode_chat(text)) else ""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, control tokens included."""
        with self._lock:
            return self._tokenizer.decode(list(ids), skip_special_tokens=False)

    def id(self, token: str) -> int:
        """The id of a token.

        Raises:
            KeyError: the vocabulary has no such token.
        """
        found = self._tokenizer.token_to_id(token)
        if found is None:
            raise KeyError(f"the tokenizer in {self.directory} has no token {token!r}")
        return found

    def _missing_bos(self, ids: list[int]) -> list[int]:
        return [] if self.bos_id is None or ids[:1] == [self.bos_id] else [self.bos_id]

    def _optional_id(self, token: str | None) -> int | None:
        return None if token is None else self.id(token)

    def _inserted_bos(self, token: str | None) -> int | None:
        bos_id = self._optional_id(token)
        inserted = self._tokenizer.encode("", add_special_tokens=True).ids
        return bos_id if bos_id is not None and inserted[:1] == [bos_id] else None


def _named_tokens(config: Path) -> dict[str, str]:
    """`eos_token` and `bos_token`, which Hugging Face writes as a string or as an object."""
    if not config.is_file():
        return {}
    values = json.loads(config.read_text(encoding="utf-8"))
    named = {name: values.get(name) for name in ("bos_token", "eos_token")}
    return {name: v["content"] if isinstance(v, dict) else v for name, v in named.items() if v}
