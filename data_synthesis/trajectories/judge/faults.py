"""What a rule can find in an answer: an address from nowhere, another language, a failure that is kept quiet."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data_synthesis.records import AgentRun, Message
from data_synthesis.trajectories.judge.rounds import SUCCEEDED, Round, unmended_failures
from data_synthesis.trajectories.language import known, own_words, same_language

_ESCAPED = (("\\/", "/"), ("\\u0026", "&"), ("&amp;", "&"))  # by JSON and HTML, in results
_URL = re.compile(r"https?://[^\s<>\"'`（）()\[\]{}，。；、]+", re.IGNORECASE)
_TRAILING = ".,;:!?*_"

# What sounds like an admission and is none.
_DENIES = re.compile(
    r"\b(?:without|no|zero|free of)(?: any| a single| further| more)? (?:fail\w*|error\w*)"
    r"|\bsorry for (?:the )?(?:wait|delay)"
    r"|(?:没有|无|未)(?:出现|发生|遇到)?(?:任何)?(?:错误|失败|超时)",
    re.IGNORECASE,
)
# How people say that something did not work. An answer with none of these says nothing of a failure, if it is in one
# of these languages.
_ADMITS = re.compile(
    r"\b(fail\w*|error\w*|unable|could ?n[o']t|can ?n[o']t|cannot|did ?n[o']t|was ?n[o']t|not (?:able|available"
    r"|possible|found|work\w*|reach\w*)|unavailable|unreachable|time[ds]? ?out|timeout|refused|denied|unsuccessful\w*"
    r"|sorry|went wrong)\b|失败|无法|不能|错误|抱歉|未能|超时|不可用|出错|没有成功|没能",
    re.IGNORECASE,
)


def invented_urls(run: AgentRun, answer: Message) -> list[str]:
    """Addresses in the answer that neither the person, nor a tool, nor a tool's document gives. What the assistant said
    itself before is no source. A fragment or a final slash makes no other address.
    """
    told = [message.content for message in run.messages if message.role != "assistant"]
    known = " ".join([run.task.query, *told, *(tool.model_dump_json() for tool in run.tools)])
    for written, meant in _ESCAPED:
        known = known.replace(written, meant)
    return [url for url in _urls(answer.content) if not _stands_in(url, known)]


def _stands_in(url: str, known: str) -> bool:
    """Whole, with or without its scheme; of an address without a path it is enough that one of that host does."""
    address = url.partition("://")[2]
    longer = r"[./]?[\w%&=?-]" if "/" in address else r"[\w-]|\.\w"
    return re.search(rf"(?<![\w.-]){re.escape(address)}(?!{longer})", known, re.IGNORECASE) is not None


def wrong_language(run: AgentRun, answer: Message) -> bool:
    """Of the assistant's own words: what it quotes of results has the language that it has."""
    quoted = " ".join(message.content for message in run.messages if message.role == "tool")
    return not same_language(run.task.query, own_words(answer.content, quoted))


def hidden_failures(run: AgentRun, found: Sequence[Round], answer: Message) -> list[str]:
    """Tools that failed for good, where the answer tells of no failure at all: those that the request needs, or, if no
    call succeeded, any. In a language whose words are not known here it is left to the judge.
    """
    if not known(answer.content) or _ADMITS.search(_DENIES.sub("", answer.content)):
        return []
    failed = unmended_failures(found)
    nothing_worked = not any(event.status in SUCCEEDED for each in found for event in each.events)
    return [name for name in failed if nothing_worked or name in run.task.target_tools]


def _urls(text: str) -> list[str]:
    return [url.partition("#")[0].rstrip(_TRAILING).rstrip("/") for url in _URL.findall(text)]
