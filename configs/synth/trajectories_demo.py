"""SFT rows without a model: real MCP servers do what is written down for them, real documents are emulated.

make mcp-servers
astra synth trajectories --config=configs/synth/trajectories_demo.py
"""

from pathlib import Path

from ml_collections import ConfigDict

from astra_jax import configuration


def get_config() -> ConfigDict:
    config = configuration.load(Path(__file__).with_name("trajectories.py")).unlock()
    config.out_dir = "runs/trajectories_demo"
    config.live = (".mcp/servers.jsonl",)
    for role in config.roles:
        config.roles[role] = "rehearsed"
    config.plan.open_tools = (
        2,
    )  # requests are written down for servers that run, and those need two tools or three
    config.agreement.judge = "rehearsed"
    return config
