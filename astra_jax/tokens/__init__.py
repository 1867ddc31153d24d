"""Everything between text and ids: chat formats, loss masks, tool-call parsing, the episode buffer."""

from astra_jax.tokens.buffer import TokenBuffer
from astra_jax.tokens.rows import TokenRow, tokenise
from astra_jax.tokens.templates import CHATML, FORMATS, QWEN3, ChatFormat, Span
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.tokens.tool_calls import ParsedTurn, parse

__all__ = [
    "CHATML",
    "FORMATS",
    "QWEN3",
    "ChatFormat",
    "ParsedTurn",
    "Span",
    "TokenBuffer",
    "TokenRow",
    "Tokenizer",
    "parse",
    "tokenise",
]
