"""Live MCP servers: a session with a process and a folder of its own, and what it left different there."""

from data_synthesis.mcp.folder import WorkingFolder
from data_synthesis.mcp.session import CallResult, McpSession, SessionFailed
from data_synthesis.mcp.state import Snapshot, changes

__all__ = ["CallResult", "McpSession", "SessionFailed", "Snapshot", "WorkingFolder", "changes"]
