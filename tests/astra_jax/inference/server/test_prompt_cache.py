"""An agent that sends its growing conversation each turn: the server reads what is new, and says so."""

from dataclasses import replace

import openai
import pytest

from tests.astra_jax.inference.server.conftest import SIZE, model_in, serving
from tests.astra_jax.inference.server.test_native import counted, generate, post

RULES = "".join(f"Rule {i}: be polite, and look twice before you call. " for i in range(8))


def converse(address: str, stream: bool) -> tuple[list[str], list[int], int]:
    """What was said, how much of each turn's prompt a cache had, and how long the last prompt was."""
    messages: list = [{"role": "system", "content": RULES}]
    said, cached, length = [], [], 0
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=280) as client:
        for turn in range(3):
            messages.append({"role": "user", "content": f"And what of day {turn}? " * 6})
            fields = {"model": "tiny", "messages": messages, "max_tokens": 12, "seed": turn}
            if stream:
                chunks = list(
                    client.chat.completions.create(
                        **fields, stream=True, stream_options={"include_usage": True}
                    )
                )
                said.append("".join(c.delta.content or "" for chunk in chunks for c in chunk.choices).strip())
                usage = chunks[-1].usage
            else:
                answer = client.chat.completions.create(**fields)
                said.append(answer.choices[0].message.content or "")
                usage = answer.usage
            messages.append({"role": "assistant", "content": said[-1]})
            cached.append(usage.prompt_tokens_details.cached_tokens)
            length = usage.prompt_tokens
    return said, cached, length


@pytest.mark.parametrize("stream", [False, True])
def test_a_turn_reads_what_is_new_and_says_what_it_says_without_a_cache(served, stream):
    with serving(served) as (address, _):
        said, cached, length = converse(address, stream)
        assert counted(address, "cached_tokens_total") == sum(cached)
    with serving(served, replace(SIZE, shares_prompts=False)) as (address, _):
        assert converse(address, stream) == (said, [0, 0, 0], length)
        assert counted(address, "cached_tokens_total") == 0
    assert cached[0] == 0
    assert (
        length - SIZE.prefill_tokens - 250 < cached[2] < length
    )  # not the last turn, nor a chunk that was not full


def test_native_replies_say_what_was_cached_until_the_weights_change(served, tmp_path):
    ids = [n % 200 for n in range(300)]

    def cached(address: str, more: int) -> int:
        return generate(address, input_ids=ids + [7] * more)["meta_info"]["cached_tokens"]

    other = model_in(tmp_path / "other", 1)
    with serving(served) as (address, _):
        assert [cached(address, more) for more in (0, 9, 300)] == [0, 288, 256]
        post(address, "/update_weights_from_disk", {"model_path": str(other)})
        assert [cached(address, more) for more in (20, 30)] == [0, 256]
        post(address, "/flush_cache")
        assert cached(address, 40) == 0
