"""Live MCP servers: sessions with a folder of their own, used again where that is safe, and what they left there."""

from data_synthesis.mcp.folder import WorkingFolder
from data_synthesis.mcp.pool import Lease, SessionPool
from data_synthesis.mcp.session import CallResult, McpSession, SessionFailed
from data_synthesis.mcp.state import Snapshot, changes

__all__ = [
    "CallResult",
    "Lease",
    "McpSession",
    "SessionFailed",
    "SessionPool",
    "Snapshot",
    "WorkingFolder",
    "changes",
]
