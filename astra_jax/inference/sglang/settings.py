"""Which servers, and how long is waited for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSettings:
    """
    Args:
        urls: `http://HOST:PORT` of each server. All serve one model.
        context: tokens of a sequence, which each server must hold.
        vocab_size: of the model. SGLang dies of an id beyond it, so that none is sent.
    """

    urls: tuple[str, ...]
    context: int
    vocab_size: int
    at_once: int = 64  # episodes that keep the servers busy
    deadline_s: float = 600.0  # one request; a server that takes longer counts as gone
    update_s: float = 600.0  # reading new weights
    probe_s: float = 120.0  # finding out what a server can do: SGLang-JAX compiles for it
    watch_s: float = 5.0  # between two looks at each server
    silence_s: float = 30.0  # a server that does not say in this time which weights it has counts as gone
    patience_s: float = 300.0  # how long requests wait while no server is up
    attempts: int = 6  # how often one request is asked
    backoff_s: float = 0.5  # before the second attempt; twice that before the third, and so on


def addresses(text: str) -> tuple[str, ...]:
    """The addresses in a list with commas; `http://` may be left out."""
    parts = [part.strip().rstrip("/") for part in text.split(",") if part.strip()]
    return tuple(part if "://" in part else f"http://{part}" for part in parts)
