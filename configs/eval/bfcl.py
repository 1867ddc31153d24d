"""The Berkeley Function Calling Leaderboard with its official data, classes and checkers: `make bfcl` first."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    base = configuration.load(Path(__file__).with_name("base.py"))
    config = ConfigDict()
    config.model = ""  # Hugging Face directory, or what the server calls its model; required
    config.out_dir = "runs/bfcl"  # rollouts, replies of a server, summary; the same command goes on
    config.version = "v4"  # or v3, whose multi-turn items papers compare by: `make bfcl-v3` first
    config.categories = ("multi_turn",)  # multi_turn, non_live, live, or single categories
    config.items_each = 0  # the first so many of each category; 0: all
    config.seed = 0  # of sampling and of the bootstrap
    config.temperature = 0.6  # 0 is greedy. Paper: 0.6 on BFCL; the leaderboard: 0.001
    config.max_turn_tokens = 4096  # of one reply, its thinking included. The leaderboard: 4096
    config.deadline_s = 1800.0  # one item, wall clock
    config.python = ""  # of the benchmark's environment; empty: the one that `make` makes
    config.workers = 2  # processes of that environment; a call takes well under a millisecond
    config.worker_deadline_s = 60.0  # of one request to them

    # In this process, where there is no server.
    config.chat_format = base.chat_format
    config.dtype = base.dtype
    config.engine = base.engine.copy_and_resolve_references()

    config.server = ConfigDict()
    config.server.base_urls = ()  # of servers of one model, each ends in /v1; empty: in this process
    config.server.api_key_env = (
        "OPENAI_API_KEY"  # environment variable with the key; servers without one need none
    )
    config.server.deadline_s = 600.0  # one request, wall clock
    config.server.patience = 5  # repetitions of a request that was not served (429, 5xx, no connection)
    config.server.concurrency = 16  # requests in flight for each server at the start
    config.server.most_concurrency = 256  # bound of what that may grow to
    config.server.extra_body = {}  # more fields of a request, such as {"chat_template_kwargs": {...}}
    config.server.items_at_once = 64  # items in play
    return config
