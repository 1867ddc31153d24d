"""A server with three tools, and a teacher who answers by the prompt's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from data_synthesis.records import ServerTool, ToolServer
from data_synthesis.teacher.interface import Prompt, TeacherError


def tool(name: str, description: str = "does what its name says", **parameters: str) -> ServerTool:
    properties: dict[str, Any] = {key: {"type": kind} for key, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ServerTool(name=name, description=description, parameters=schema)


def shop() -> ToolServer:
    return ToolServer(
        title="Shop",
        description="Orders of a small shop.",
        domain="retail",
        tools=[
            tool("find_order", customer="string"),
            tool("read_order", order_id="string"),
            tool("refund", order_id="string"),
        ],
    )


class Answering:
    """A teacher whose answers are functions of the prompt; a `TeacherError` where there is none for its name."""

    name = "answering"

    def __init__(self, answers: Mapping[str, Callable[[Prompt], Any]]):
        self.answers = dict(answers)
        self.asked: list[Prompt] = []

    async def ask(self, prompt: Prompt) -> Any:
        self.asked.append(prompt)
        prompt.text()
        if prompt.name not in self.answers:
            raise TeacherError(f"nobody answers {prompt.name}")
        return prompt.response_model.model_validate(self.answers[prompt.name](prompt))

    def forget(self, prompt: Prompt) -> None: ...

    def usage(self) -> dict[str, Any]:
        return {"asked": len(self.asked)}

    async def close(self) -> None: ...
