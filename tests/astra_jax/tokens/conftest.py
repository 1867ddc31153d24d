"""Random conversations, and a nano tokenizer trained once."""

import pytest
from hypothesis import strategies as st

from astra_jax.tokens.nano import train_tokenizer
from data_synthesis.records import Message, ToolCall, ToolSpec, Trajectory

# Whatever can stand in a chat, with what could break one: tags, control tokens, newlines, odd spaces.
PIECES = [
    "\n",
    "\n\n",
    " ",
    "</think>",
    "<think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "<tools>",
]
ODD_TEXT = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\U000f0000"), max_size=6)
    | st.sampled_from(["<|im_end|>", "<|im_start|>user\n", '{"name": "', "hotel", *PIECES]),
    max_size=5,
).map("".join)
WORDS = st.lists(
    st.sampled_from(["hotel", "price", "of", "Velmora", "42", "naïve", "日本", "it's"]), min_size=1
)
PLAIN_TEXT = st.builds(
    lambda words, end: " ".join(words) + end, WORDS, st.sampled_from([".", "?", "", " -", ": x"])
)
NAMES = st.from_regex(r"[a-z]{1,6}(_[a-z]{1,6})?", fullmatch=True)


def values(text):
    scalars = (
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
    )
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    )


def tool_specs(text):
    schema = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, values(text), max_size=2)}
    )
    return st.builds(ToolSpec, name=NAMES, description=text, parameters=schema)


@st.composite
def conversation(draw, text, thoughts):
    """(messages, tools): a system message or none, then user, assistant and tool turns in any sensible order."""
    messages = [Message(role="system", content=draw(text))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(1, 3))):
        messages.append(Message(role="user", content=draw(text)))
        for step in range(draw(st.integers(1, 3))):
            names = draw(st.lists(NAMES, max_size=2))
            arguments = st.dictionaries(text, values(text), max_size=2)
            calls = [
                ToolCall(id=f"{turn}_{step}_{i}", name=n, arguments=draw(arguments))
                for i, n in enumerate(names)
            ]
            reasoning = draw(st.none() | text) if thoughts else None
            content = draw(text) if draw(st.booleans()) or not calls else ""
            messages.append(
                Message(role="assistant", content=content, reasoning_content=reasoning, tool_calls=calls)
            )
            messages += [Message(role="tool", content=draw(text), tool_call_id=call.id) for call in calls]
            if not calls:
                break
    return messages, draw(st.lists(tool_specs(text), max_size=2))


@pytest.fixture(scope="session")
def conversations():
    """Conversations of odd text, with reasoning."""
    return conversation(ODD_TEXT, thoughts=True)


@pytest.fixture(scope="session")
def plain_conversations():
    """Conversations that people could have."""
    return conversation(PLAIN_TEXT, thoughts=False)


def hotel_trajectory(number):
    place = ["Velmora", "Tarn", "Blue Harbor", "Oskel"][number % 4]
    tool = ToolSpec(
        name=["get_hotel_price", "find_hotel_rating"][number % 2],
        description="Price of a hotel.",
        parameters={
            "type": "object",
            "properties": {"hotel": {"type": "string"}, "nights": {"type": "integer"}},
            "required": ["hotel", "nights"],
        },
    )
    call = ToolCall(id="call_0_0", name=tool.name, arguments={"hotel": place, "nights": number})
    return Trajectory(
        tools=[tool] * (1 + number % 3),
        messages=[
            Message(role="user", content=f"What is the price of hotel {place} for {number} nights?"),
            Message(role="assistant", tool_calls=[call]),
            Message(role="tool", content=f'{{"price":{number * 7}}}', tool_call_id=call.id),
            Message(role="assistant", content=f"The price of hotel {place} is {number * 7}."),
        ],
    )


@pytest.fixture(scope="session")
def trajectories():
    return [hotel_trajectory(number) for number in range(40)]


@pytest.fixture(scope="session")
def nano(tmp_path_factory, trajectories):
    """A nano tokenizer in a Hugging Face directory."""
    return train_tokenizer(trajectories, tmp_path_factory.mktemp("nano"), vocab_size=700)
