"""An engine over servers, as configurations name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax

from astra_jax.inference.sglang.settings import ServerSettings, addresses
from astra_jax.inference.sglang.weights import WeightFolders
from astra_jax.training.settings import BadSetting

if TYPE_CHECKING:
    from astra_jax.inference.sglang.engine import ServerEngine


def connect(
    urls: str,
    *,
    slots: int,
    context: int,
    vocab_size: int,
    folders: WeightFolders | None = None,
    **deadlines: Any,
) -> ServerEngine:
    """
    Args:
        urls: `config.servers.urls`: addresses with commas between.
        slots: sequences that each server has room for.
        context: tokens of each.
        folders: as of `ServerEngine`.
        deadlines: fields of `ServerSettings`.

    Raises:
        BadSetting: what talks to servers is not installed.
        ServersDown, UnfitServer: as `ServerEngine`.
    """
    try:
        from astra_jax.inference.sglang.engine import ServerEngine
    except ModuleNotFoundError as error:
        raise BadSetting(f"config.servers.urls needs {error.name}: pip install 'astra-jax[sglang]'") from None
    servers = addresses(urls)
    # As of engines in this process: while one episode's tools run, another has its slot. All processes of a run ask
    # all servers.
    at_once = max(1, 2 * slots * len(servers) // jax.process_count())
    settings = ServerSettings(servers, context, vocab_size, at_once, **deadlines)
    return ServerEngine(settings, folders)
