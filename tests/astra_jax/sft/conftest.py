from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from astra_jax.tokens.nano import train_tokenizer
from astra_jax.training import compile_cache
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


@pytest.fixture(scope="module")
def compiled_dir(tmp_path_factory) -> Iterator[Path]:
    """Where this process, and those it starts, keep compiled programs: each is compiled once."""
    names = (
        "jax_compilation_cache_dir",
        "jax_disable_most_optimizations",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: jax.config.values[name] for name in names}
    path = tmp_path_factory.mktemp("compiled")
    compile_cache.enable(path)
    jax.config.update("jax_disable_most_optimizations", True)  # tiny programs compile longer than they run
    yield path
    for name, value in before.items():
        jax.config.update(name, value)
