"""MCP servers to judged SFT rows: intake, tool graph, tasks, agent runs, judgements."""
