"""Held-out arenas, played in the middle of a run by an engine over the weights that are being trained."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from rich.console import Console

from astra_jax.evaluation.arenas import play_all
from astra_jax.evaluation.summary import METRICS, summarise
from astra_jax.inference.engine import EngineSize
from astra_jax.inference.episodes import EpisodeLimits, Player
from astra_jax.inference.pool import EnginePool
from astra_jax.models import Transformer
from astra_jax.sft.settings import chat_format
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.settings import BadSetting, choose, part_of
from data_synthesis.arenas import read_arenas
from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


class Playing:
    """The arenas of `config.eval`, and how they are played.

    Raises:
        BadRecord: a line of the arenas is none.
        BadSetting: the file holds none.
        SandboxUnavailable: the sandbox offers less confinement than `config.eval.sandbox_level`.
    """

    def __init__(self, config: Config, tokenizer: Tokenizer):
        self._config, self._tokenizer = config, tokenizer
        self._arenas = list(read_arenas(config.eval.arenas))
        if not self._arenas:
            raise BadSetting(f"config.eval.arenas is {config.eval.arenas}, which holds no arena")
        self._sandbox().close()  # what is missing is said now, and not after hundreds of steps

    def __call__(self, model: Transformer) -> dict[str, float | None]:
        """The means of `METRICS` as `arenas/f1` and so on, and `arenas/unknown`, the episodes without a score."""
        asked = self._config.eval
        with (
            self._sandbox() as sandbox,
            closing(EnginePool.on_each(model, part_of(self._config, "eval.engine", EngineSize))) as engine,
        ):
            player = Player(
                engine=engine,
                tokenizer=self._tokenizer,
                format=chat_format(self._config),
                sandbox=sandbox,
                limits=part_of(self._config, "eval.limits", EpisodeLimits),
                temperature=asked.temperature,
                at_once=engine.episodes_at_once,
            )
            quiet = Console(quiet=True)
            episodes = asyncio.run(play_all(player, self._arenas, asked.samples, self._config.seed, quiet))
        found = summarise(episodes, seed=self._config.seed)
        return {f"arenas/{name}": found[name] for name in (*METRICS, "unknown")}

    def _sandbox(self) -> LocalSandbox:
        asked = self._config.eval.sandbox_level
        return LocalSandbox(choose("eval.sandbox_level", asked, ConfinementLevel.__members__))
