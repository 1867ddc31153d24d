"""What a completion may be, where a request says so: JSON of a schema, a regular expression, or tool calls.

llguidance computes which tokens may follow; the engine asks it before each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLTokenizer

from astra_jax.inference.interface import GrammarFailed
from astra_jax.inference.server.errors import Refused
from astra_jax.tokens import Tokenizer
from data_synthesis.records import ToolSpec

_MOST_CALLS = 16  # that a model which must call may make in one turn
# Words, spaces and punctuation: the nano tokenizer joins words by spaces that are no token's.
_PROBE = '{"name": "a b", "arguments": {}}'
# As the chat formats print calls. Where a model may put as many spaces as it likes, a weak one does.
_SPACING: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class TokenGrammar:
    """An `inference.interface.Grammar`."""

    def __init__(self, matcher: LLMatcher, vocab_size: int):
        self._matcher = matcher
        self._words = np.zeros(-(-vocab_size // 32), np.uint32)

    def allowed(self) -> np.ndarray:
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint32)
        if self._matcher.is_error():
            raise GrammarFailed(self._matcher.get_error())
        self._words[:] = 0
        self._words[: len(bits)] = bits[: len(self._words)]
        return self._words

    def accept(self, token_id: int) -> None:
        if not self._matcher.consume_token(token_id):
            raise GrammarFailed(self._matcher.get_error())


class Grammars:
    """Makes grammars over one tokenizer, which is prepared when the first is asked for."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int, stop_ids: Sequence[int]):
        """
        Args:
            vocab_size: of the model, whose table may have more rows than the tokenizer has tokens.
            stop_ids: tokens that may end a text that is whole.
        """
        self._tokenizer, self._vocab_size, self._stop_ids = tokenizer, vocab_size, list(stop_ids)
        self._prepared: LLTokenizer | None = None
        self._lock = Lock()

    def json_schema(self, schema: Any) -> TokenGrammar:
        """Raises `Refused` where the schema is none, or cannot be kept."""
        try:
            return self._of(LLMatcher.grammar_from_json_schema(schema, defaults=_SPACING))
        except ValueError as error:
            raise Refused(400, f"the JSON schema cannot be used: {error}") from None

    def regex(self, pattern: str) -> TokenGrammar:
        return self._of(LLMatcher.grammar_from_regex(pattern))

    def tool_calls(self, tools: Sequence[ToolSpec], several: bool) -> TokenGrammar:
        """One call of one of the tools; or as many as the model likes."""
        calls = [
            {
                "type": "object",
                "properties": {"name": {"const": tool.name}, "arguments": tool.parameters},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for tool in tools
        ]
        body = json.dumps({"anyOf": calls, "x-guidance": _SPACING})
        start = f'call ("\\n" call){{0,{_MOST_CALLS - 1}}}' if several else "call"
        mark, end = (self._literal(text) for text in ("<tool_call>", "</tool_call>"))
        return self._of(
            LLMatcher.grammar_from_lark(
                f'start: {start}\ncall: {mark} "\\n" body "\\n" {end}\nbody: %json {body}\n'
            )
        )

    def _literal(self, text: str) -> str:
        """As Lark spells a text that may be a control token."""
        ids = self._tokenizer.encode(text)
        special = len(ids) == 1 and self._llguidance().is_special_token(ids[0])
        return f"<[{ids[0]}]>" if special else json.dumps(text)

    def _of(self, grammar: str) -> TokenGrammar:
        prepared = self._llguidance()
        if problem := LLMatcher.validate_grammar(grammar, prepared):
            raise Refused(400, f"the grammar cannot be used: {problem.splitlines()[0]}")
        return TokenGrammar(LLMatcher(prepared, grammar), self._vocab_size)

    def _llguidance(self) -> LLTokenizer:
        with self._lock:
            if self._prepared is None:
                text = (self._tokenizer.directory / "tokenizer.json").read_text(encoding="utf-8")
                prepared = LLTokenizer(text, n_vocab=self._vocab_size, eos_token=self._stop_ids)
                ids = self._tokenizer.encode(_PROBE)
                if prepared.decode_bytes(ids).decode(errors="replace") != self._tokenizer.decode(ids):
                    raise Refused(
                        400, "grammars need a tokenizer whose tokens are each one text; this one's are not"
                    )
                self._prepared = prepared
            return self._prepared
