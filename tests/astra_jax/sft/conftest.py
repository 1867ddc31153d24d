from pathlib import Path

import pytest

from astra_jax.tokens.nano import train_tokenizer
from data_synthesis.records import Message, ToolCall, ToolSpec, Trajectory, write_records

CITIES = ["Rome", "Oslo", "Lima", "Cairo", "Quito", "Accra"]
WEATHER = ToolSpec(
    name="get_weather",
    description="Weather of a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def trajectory(number: int) -> Trajectory:
    """An agent that asks the tool about one to three cities in a row, and says what it heard."""
    cities = [CITIES[(number * 5 + i) % len(CITIES)] for i in range(1 + number % 3)]
    messages = [Message(role="user", content=f"How warm is it in {' and '.join(cities)}?")]
    for i, city in enumerate(cities):
        call = ToolCall(id=f"c{i}", name="get_weather", arguments={"city": city})
        messages.append(Message(role="assistant", tool_calls=[call]))
        messages.append(
            Message(role="tool", content=f'{{"celsius": {10 + number % 7}}}', tool_call_id=call.id)
        )
    messages.append(Message(role="assistant", content=f"It is {10 + number % 7} degrees."))
    return Trajectory(messages=messages, tools=[WEATHER])


@pytest.fixture(scope="session")
def trajectories() -> list[Trajectory]:
    return [trajectory(number) for number in range(40)]


@pytest.fixture(scope="session")
def data_path(trajectories, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "sft.jsonl"
    write_records(path, trajectories)
    return path


@pytest.fixture(scope="session")
def tokenizer_dir(trajectories, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(trajectories, path, vocab_size=400)
    return path
