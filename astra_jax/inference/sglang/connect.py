"""An engine over servers, as configurations name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from astra_jax.checkpoints.hf import load_config
from astra_jax.inference.sglang.settings import ServerSettings, addresses
from astra_jax.inference.sglang.weights import WeightFolders
from astra_jax.training.settings import BadSetting

if TYPE_CHECKING:
    from astra_jax.inference.sglang.engine import ServerEngine

Config = Any  # an `ml_collections.ConfigDict`, whose fields a type checker cannot know

_WAITS = ("deadline_s", "update_s", "patience_s")  # of `ServerSettings`; an evaluation gives no weights


def connect(config: Config, folders: WeightFolders | None = None) -> ServerEngine:
    """
    Args:
        config: of RL or of an evaluation: `servers` says which and how long is waited for them, `engine` how many
            sequences each has room for and of how many tokens, `model` how large the vocabulary is.
        folders: as of `ServerEngine`.

    Raises:
        BadSetting: what talks to servers is not installed.
        ServersDown, UnfitServer: as `ServerEngine`.
    """
    try:
        from astra_jax.inference.sglang.engine import ServerEngine
    except ModuleNotFoundError as error:
        raise BadSetting(f"config.servers.urls needs {error.name}: pip install 'astra-jax[sglang]'") from None
    servers = addresses(config.servers.urls)
    # As of engines in this process: while one episode's tools run, another has its slot. All processes of a run ask
    # all servers.
    at_once = max(1, 2 * config.engine.slots * len(servers) // jax.process_count())
    waits = {name: config.servers[name] for name in _WAITS if name in config.servers}
    vocab_size = load_config(config.model).vocab_size
    return ServerEngine(ServerSettings(servers, config.engine.context, vocab_size, at_once, **waits), folders)
