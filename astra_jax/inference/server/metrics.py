"""What a server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Metrics:
    """Of one server: nothing is global."""

    def __init__(self, load: Callable[[], tuple[int, int]]):
        """
        Args:
            load: how many requests are being generated, and how many wait.
        """
        self._registry = CollectorRegistry()

        def counter(name: str, text: str) -> Counter:
            return Counter(f"astra_{name}", text, registry=self._registry)

        self.requests = counter("requests", "Completions begun")
        self.refused = counter("refused", "Completions refused because the queue was full")
        self.abandoned = counter("abandoned", "Completions whose client went away")
        self.prompt_tokens = counter("prompt_tokens", "Tokens of prompts")
        self.cached_tokens = counter("cached_tokens", "Tokens of prompts that a cache had")
        self.drawn_tokens = counter("drawn_tokens", "Tokens given to clients")
        self.first_token_s = Histogram(
            "astra_first_token_seconds",
            "From a request to its first token",
            buckets=_SECONDS,
            registry=self._registry,
        )
        running = Gauge("astra_running", "Completions being generated", registry=self._registry)
        running.set_function(lambda: load()[0])
        waiting = Gauge("astra_waiting", "Completions that wait for a slot", registry=self._registry)
        waiting.set_function(lambda: load()[1])

    def text(self) -> bytes:
        return generate_latest(self._registry)
