"""The nano tokenizer loses nothing, is short on scaffold, spells words alike everywhere, and loads in transformers."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from astra_jax.tokens import CHATML, QWEN3, tokenise
from astra_jax.tokens.nano import train_tokenizer
from data_synthesis.records import Trajectory

TRICKY = st.text(alphabet="ab1 _\x1c\x1e\x1f.,;<|>é\u0301\n日") | st.sampled_from(
    ["<|im_end|>", "</tool_call>", '", "description": "', '"}}\n</tool_call>']
)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | st.lists(TRICKY, max_size=4).map("".join))
def test_decoding_an_encoding_gives_the_text_back(nano, text):
    assert nano.decode(nano.encode(text)) == text


@pytest.mark.parametrize("word", ["hotel", "price", "Velmora", "Blue Harbor"])
def test_a_word_is_the_same_tokens_in_prose_in_names_and_in_json(nano, word):
    ids = nano.encode(word)
    places = [f"the {word} of", f"get_{word}_x", f'{{"a": "{word}"}}', f"({word})", f"{word}?", f"\n{word}\n"]
    for place in places:
        found = nano.encode(place)
        assert any(found[i : i + len(ids)] == ids for i in range(len(found))), place


def test_a_space_between_words_costs_nothing(nano):
    assert len(nano.encode("price of hotel")) == 3


@given(number=st.integers(0, 10**9))
def test_each_digit_is_a_token(nano, number):
    assert len(nano.encode(str(number))) == len(str(number))


def test_recurring_scaffold_costs_one_token(nano):
    for piece in (
        '", "description": "',
        '", "parameters": {"type": "object", "properties": {"',
        '": {"type": "string"}, "',
        '<tool_call>\n{"name": "',
        '", "arguments": {"',
        "}}\n</tool_call>",
        "\n<|im_start|>assistant\n",
        '\n<|im_start|>user\n<tool_response>\n{"',
    ):
        assert len(nano.encode(piece)) == 1, piece
    ids = nano.encode("</tool_call><|im_end|>")
    assert ids[-1] == nano.id("<|im_end|>")


def test_episodes_are_short(nano, trajectories):
    """About 300 tokens in Qwen3's vocabulary."""
    longest = max(trajectories, key=lambda row: len(row.tools))
    assert len(tokenise(longest, nano, QWEN3).ids) < 150


@pytest.mark.parametrize("family", ["qwen3", "llama", None])
def test_transformers_loads_it_and_agrees_on_every_id(nano, trajectories, tmp_path, family):
    shutil.copytree(nano.directory, tmp_path, dirs_exist_ok=True)
    if family:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": family}))
    hf = AutoTokenizer.from_pretrained(tmp_path)
    assert (hf.eos_token, hf.pad_token, hf.bos_token) == ("<|im_end|>", "<|endoftext|>", None)
    for row in trajectories[:6]:
        messages, tools = [m.openai() for m in row.messages], [tool.openai() for tool in row.tools]
        ids = hf.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=False)
        ours = tokenise(row, nano, QWEN3).ids
        assert ids[: len(ours)] == ours
        assert hf.decode(ids) == nano.decode(ours) + "\n"


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_a_chat_tokenised_at_once_has_the_ids_of_a_rollout(nano, plain_conversations, data):
    """So that a server which renders and tokenises whole conversations sees what training saw."""
    messages, tools = data.draw(plain_conversations)
    row = tokenise(Trajectory(messages=messages, tools=tools), nano, QWEN3)
    assert nano.encode(nano.decode(row.ids)) == row.ids


def test_training_is_deterministic_and_stays_within_the_vocabulary(trajectories, tmp_path):
    first = train_tokenizer(trajectories, tmp_path / "a", vocab_size=600)
    again = train_tokenizer(trajectories, tmp_path / "b", vocab_size=600)
    files = [{p.name: p.read_bytes() for p in it.directory.iterdir()} for it in (first, again)]
    assert files[0] == files[1]
    assert first.vocab_size <= 600


def test_more_texts_teach_more_words(trajectories, tmp_path):
    plain = train_tokenizer(trajectories, tmp_path / "a", vocab_size=700)
    wide = train_tokenizer(
        trajectories, tmp_path / "b", vocab_size=700, texts=["a submarine periscope"] * 500
    )
    assert len(wide.encode("submarine periscope")) == 2 < len(plain.encode("submarine periscope"))


def test_it_speaks_chatml_too(trajectories, tmp_path):
    tokenizer = train_tokenizer(trajectories, tmp_path, vocab_size=700, format=CHATML)
    assert (tmp_path / "chat_template.jinja").read_text() == CHATML.chat_template()
    assert len(tokenizer.encode(CHATML.open(trajectories[0].messages[:1], trajectories[0].tools))) < 60
