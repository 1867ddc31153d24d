"""The SDK's own server over streamable HTTP on the port that is given, with a tool that reads a header back."""

import sys

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("over HTTP")


@server.tool()
def who(ctx: Context) -> str:
    """Says which key came with the call."""
    request = ctx.request_context.request
    return request.headers.get("x-key", "nobody") if request else "nobody"


@server.tool()
def backwards(text: str) -> str:
    """Gives the text from its end to its beginning."""
    return text[::-1]


@server.tool()
def slow() -> str:
    """Answers after a minute."""
    import time

    time.sleep(60)
    return "late"


server.run("streamable-http", port=int(sys.argv[1]))
