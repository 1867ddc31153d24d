"""What a run finds out about its weights on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jax.sharding import Mesh
from rich.console import Console

from astra_jax.models import Transformer
from astra_jax.models.low_rank import merge
from astra_jax.sft.held_out import HeldOut
from astra_jax.sft.mixture import load_held_out, packing_of
from astra_jax.sft.playing import Playing
from astra_jax.sft.step import loss_of
from astra_jax.tokens.tokenizer import Tokenizer
from astra_jax.training.state import join_model, split_trained

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know


@dataclass(frozen=True)
class Judge:
    """The loss on held-out rows every `every` steps, arenas every `arenas_every`, and both after the last step."""

    every: int
    arenas_every: int
    held_out: HeldOut | None
    playing: Playing | None
    model: Callable[[Any], Transformer]  # of trained weights

    def __call__(self, step: int, params: Any, is_last: bool) -> dict[str, Any]:
        """The figures that are due; empty where none are."""
        figures: dict[str, Any] = {}
        if self.held_out and (is_last or step % self.every == 0):
            figures |= self.held_out(params)
        if self.playing and (is_last or step % self.arenas_every == 0):
            model = self.model(params)
            merge(model)
            figures |= self.playing(model)
        return figures


def make_judge(
    config: Config, model: Transformer, mesh: Mesh, cache: Path, tokenizer: Tokenizer, console: Console
) -> Judge:
    """Raises as `mixture.load_rows` and `Playing`."""
    graph, _, frozen = split_trained(model)
    held_out = playing = None
    if config.eval.path:
        rows = load_held_out(config, cache, tokenizer, console)
        held_out = HeldOut(rows, packing_of(config), loss_of(config, model, ()), graph, frozen, mesh)
    if config.eval.arenas:
        playing = Playing(config, tokenizer)
    return Judge(
        config.eval.every,
        config.eval.arenas_every,
        held_out,
        playing,
        lambda params: join_model(graph, params, frozen),
    )
