"""tau2-bench with its official tasks, environments and evaluators: `make tau2` first."""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    base = configuration.load(Path(__file__).with_name("bfcl.py")).unlock()
    config = ConfigDict()
    config.model = ""  # Hugging Face directory, or what the server calls its model; required
    config.out_dir = "runs/tau2"  # simulations, replies of servers, summary; the same command goes on
    config.domains = ("airline", "retail", "telecom")
    config.tasks_each = 0  # the first so many of each domain; 0: all
    config.trials = 1  # tries at each task; pass^k wants k of them. The leaderboard: 4
    config.seed = 0  # of sampling and of the bootstrap
    config.temperature = 0.0  # of the agent; 0 is greedy, as by default in the package
    config.max_turn_tokens = 4096  # of one reply of the agent, its thinking included
    config.deadline_s = 3600.0  # one simulation, wall clock
    config.python = ".venv-tau2/bin/python"  # of the environment that `make tau2` makes
    config.workers = 4  # simulations at once: each has a process of that environment, of some 180 MB
    config.worker_deadline_s = 120.0  # of one request to them; an evaluation makes three environments

    # In this process, where there is no server.
    config.chat_format = base.chat_format
    config.dtype = base.dtype
    config.engine = base.engine.copy_and_resolve_references()
    # The agent's server, if it has one, and the user's.
    config.server = base.server.copy_and_resolve_references()
    config.user = base.server.copy_and_resolve_references()
    config.user.model = ""  # what the user's server calls its model; required
    config.user.temperature = 0.0  # as by default in the package, which has GPT-4.1 as user
    config.user.max_tokens = 4096  # of one reply, its thinking included
    return config
