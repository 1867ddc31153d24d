"""What the intake lets through, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntakeSettings:
    """Bounds on texts are in characters; what is longer is cut and ends with `…`.

    Args:
        min_tools: a server with fewer usable tools is dropped. The paper's value.
        min_words: a tool whose description has fewer words is dropped.
        max_title: of a server.
        max_description: of a server or a tool. Of 7,534 real tools, 9 have a longer one.
        max_schema_text: of each `title` and `description` inside a schema.
        max_schema: of a schema as JSON, after its texts were cut. A tool with a larger one is dropped: nothing else
            in a schema can be cut without changing what it allows.
        max_file_bytes: a larger file is not read.
    """

    min_tools: int = 3
    min_words: int = 3
    max_title: int = 200
    max_description: int = 4096
    max_schema_text: int = 1024
    max_schema: int = 65_536
    max_file_bytes: int = 256 * 2**20
