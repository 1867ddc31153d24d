"""The official client gets what OpenAI's documentation promises."""

import json

import openai
import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}, "days": {"enum": [1, 2]}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}},
}
ASK = [{"role": "user", "content": "What is the weather in Paris?"}]


def chat(client, **changes):
    fields = {"model": "tiny", "messages": ASK, "max_tokens": 24, "seed": 3}
    return client.chat.completions.create(**(fields | changes))


def test_the_model_is_listed(client):
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_a_seed_decides_the_answer_and_n_gives_different_ones(client):
    first, again = chat(client), chat(client)
    assert first.choices[0].message.content == again.choices[0].message.content
    several = chat(client, n=3)
    texts = [choice.message.content for choice in several.choices]
    assert texts[0] == first.choices[0].message.content
    assert len(set(texts)) == 3
    assert several.usage.completion_tokens <= 72


def test_logprobs_are_those_of_each_token(client):
    choice = chat(client, logprobs=True, temperature=0).choices[0]
    assert len(choice.logprobs.content) == 24 or choice.finish_reason == "stop"
    assert all(item.logprob <= 0 for item in choice.logprobs.content)


def test_the_likeliest_tokens_are_told_at_each_place_and_change_no_answer(client):
    plain, asked = chat(client, logprobs=True), chat(client, logprobs=True, top_logprobs=20)
    assert asked.choices[0].message == plain.choices[0].message
    for item, alike in zip(asked.choices[0].logprobs.content, plain.choices[0].logprobs.content, strict=True):
        scores = [other.logprob for other in item.top_logprobs]
        assert len(scores) == 20
        assert scores == sorted(scores, reverse=True)
        assert (item.token, item.logprob, alike.top_logprobs) == (alike.token, alike.logprob, [])
    greedy = chat(client, logprobs=True, top_logprobs=1, temperature=0).choices[0].logprobs.content
    assert [(item.token, item.logprob) for item in greedy] == [
        (item.top_logprobs[0].token, item.top_logprobs[0].logprob) for item in greedy
    ]
    assert not chat(client, logprobs=True, top_logprobs=0).choices[0].logprobs.content[0].top_logprobs


def test_a_streamed_answer_is_the_whole_one(client):
    asked = {"n": 2, "logprobs": True, "top_logprobs": 3}
    whole = chat(client, **asked)
    texts, reasons, logprobs, usage = ["", ""], [None, None], [[], []], None
    for chunk in chat(client, **asked, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
            if choice.logprobs:
                logprobs[choice.index] += choice.logprobs.content
    for i, choice in enumerate(whole.choices):
        assert texts[i].strip() == (choice.message.content or "").strip()
        assert reasons[i] == choice.finish_reason
        assert [item.model_dump() for item in logprobs[i]] == [
            item.model_dump() for item in choice.logprobs.content
        ]
    assert usage.model_copy(update={"prompt_tokens_details": None}) == whole.usage.model_copy(
        update={"prompt_tokens_details": None}
    )


def test_a_completion_continues_a_prompt_of_text_or_ids(client):
    text = client.completions.create(model="tiny", prompt="What is", max_tokens=8, seed=1, logprobs=1)
    assert len(text.choices[0].logprobs.token_logprobs) <= 8
    both = client.completions.create(model="tiny", prompt=["What is", "weather"], max_tokens=8, seed=1)
    assert both.choices[0].text == text.choices[0].text
    pieces = client.completions.create(model="tiny", prompt="What is", max_tokens=8, seed=1, stream=True)
    assert "".join(c.text for chunk in pieces for c in chunk.choices) == text.choices[0].text


@pytest.mark.parametrize("stream", [False, True])
def test_a_completions_likeliest_tokens_stand_by_their_text_beside_the_drawn_one(client, stream):
    fields = {"model": "tiny", "prompt": "What is", "max_tokens": 8, "seed": 1}
    answer = client.completions.create(**fields, logprobs=5, stream=stream)
    parts = (
        [c.logprobs for chunk in answer for c in chunk.choices if c.logprobs]
        if stream
        else [answer.choices[0].logprobs]
    )
    plain = client.completions.create(**fields, logprobs=0).choices[0].logprobs
    assert [token for part in parts for token in part.tokens] == plain.tokens
    assert [score for part in parts for score in part.token_logprobs] == plain.token_logprobs
    assert plain.top_logprobs is None
    tops = [top for part in parts for top in part.top_logprobs]
    for token, score, top in zip(plain.tokens, plain.token_logprobs, tops, strict=True):
        assert top[token] == score
        assert len(top) <= 6
    with pytest.raises(openai.BadRequestError, match="logprobs is 21: it is from 0 to 20"):
        client.completions.create(**fields, logprobs=21)


def test_a_stop_string_ends_the_text_before_it(client):
    whole = client.completions.create(model="tiny", prompt="What is", max_tokens=20, seed=1).choices[0].text
    stop = whole[6:8]
    cut = client.completions.create(model="tiny", prompt="What is", max_tokens=20, seed=1, stop=stop)
    assert cut.choices[0].text == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_a_required_tool_is_called_with_arguments_of_its_schema(client, stream):
    fields = {"tools": [WEATHER, CLOCK], "max_tokens": 300, "parallel_tool_calls": False, "stream": stream}
    forced = {"tool_choice": {"type": "function", "function": {"name": "weather"}}}
    answer = chat(client, **fields, **forced)
    if stream:
        chunks = [chunk.choices[0] for chunk in answer]
        calls = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
        reason = chunks[-1].finish_reason
    else:
        calls, reason = answer.choices[0].message.tool_calls, answer.choices[0].finish_reason
    assert (len(calls), reason) == (1, "tool_calls")
    assert calls[0].function.name == "weather"
    arguments = json.loads(calls[0].function.arguments)
    assert arguments["city"] in ("Paris", "Rome")
    assert arguments["days"] in (1, 2)


def test_several_calls_and_their_results_go_back_in(client):
    answer = chat(client, tools=[WEATHER], tool_choice="required", max_tokens=1000).choices[0].message
    assert answer.tool_calls
    assert len({call.id for call in answer.tool_calls}) == len(answer.tool_calls)
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in answer.tool_calls]
    assert chat(client, messages=[*ASK, answer, *results], tools=[WEATHER]).choices[0].message


def test_a_schema_is_kept(client):
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
        "required": ["ok", "kind"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    answers = [chat(client, response_format=wanted, max_tokens=200, seed=seed) for seed in range(3)]
    for answer in answers:
        value = json.loads(answer.choices[0].message.content)
        assert set(value) == {"ok", "kind"}
        assert value["kind"] in ("a", "b")


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"model": "other"}, 404, "there is no model 'other'"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "user", "content": "weather " * 2000}]}, 400, "does not fit a context of 1536"),
        ({"temperature": -1}, 400, "temperature is -1"),
        ({"top_p": 0.0}, 400, "top_p is 0"),
        ({"max_tokens": -3}, 400, "max_tokens is -3"),
        ({"max_tokens": 0}, 400, "max_tokens is 0"),
        ({"max_completion_tokens": 0, "max_tokens": 4}, 400, "max_tokens is 0"),
        ({"n": 0}, 400, "n:"),
        ({"stop": ["a", ""]}, 400, "a stop is empty"),
        ({"frequency_penalty": 0.5}, 400, "frequency_penalty is not supported"),
        ({"functions": [{"name": "clock", "parameters": {}}]}, 400, "functions is not supported"),
        ({"extra_body": {"repetition_penalty": 1.1}}, 400, "repetition_penalty is not supported"),
        ({"extra_body": {"min_p": 0.1}}, 400, "min_p is not supported"),
        ({"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}, 400, "enable_thinking False is not"),
        ({"extra_body": {"chat_template_kwargs": {"documents": []}}}, 400, "documents .* is not supported"),
        ({"logit_bias": {"3": 5}}, 400, "logit_bias is not supported"),
        ({"top_logprobs": 21, "logprobs": True}, 400, "top_logprobs is 21: it is from 0 to 20"),
        ({"top_logprobs": -1, "logprobs": True}, 400, "top_logprobs is -1: it is from 0 to 20"),
        ({"top_logprobs": 2}, 400, "top_logprobs is given, and logprobs is not true"),
        ({"tool_choice": "required"}, 400, "there are no tools"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "no"}}}}, 400, "be used"),
    ],
)  # fmt: skip
def test_what_cannot_be_met_says_why(client, changes, status, sentence):
    with pytest.raises(openai.APIStatusError, match=sentence) as refused:
        chat(client, **changes)
    assert refused.value.status_code == status
    assert chat(client, max_tokens=2).choices


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prompt": []}, "prompt: .*there is none"),
        ({"prompt": [[]]}, "0 tokens does not fit"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"extra_body": {"min_tokens": 4}}, "min_tokens is not supported"),
    ],
)
def test_a_completion_that_cannot_be_met_says_why(client, changes, sentence):
    with pytest.raises(openai.BadRequestError, match=sentence):
        client.completions.create(**({"model": "tiny", "prompt": "What is", "max_tokens": 2} | changes))


def test_fields_that_change_nothing_are_taken(client):
    harmless = {
        "user": "me",
        "metadata": {"a": "b"},
        "store": False,
        "service_tier": "auto",
        "prompt_cache_key": "mine",
        "safety_identifier": "me",
        "presence_penalty": 0.0,
    }
    others = {
        "repetition_penalty": 1.0,
        "min_p": 0.0,
        "functions": None,
        "chat_template_kwargs": {"enable_thinking": True},
    }
    assert chat(client, **harmless, extra_body=others).choices[0].message == chat(client).choices[0].message


def test_a_prompt_that_is_too_long_has_openais_code(client):
    with pytest.raises(openai.BadRequestError) as refused:
        chat(client, messages=[{"role": "user", "content": "weather " * 2000}])
    assert refused.value.code == "context_length_exceeded"
