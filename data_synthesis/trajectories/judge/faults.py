"""What a rule can find in an answer: an address from nowhere, another language, a failure that is kept quiet."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data_synthesis.records import AgentRun, Message
from data_synthesis.trajectories.judge.rounds import Round, silent_failures
from data_synthesis.trajectories.language import same_language

_URL = re.compile(r"https?://[^\s<>\"'`（）()\[\]{}，。；、]+", re.IGNORECASE)
_TRAILING = ".,;:!?*_"

# How people say that something did not work. An answer with none of these says nothing of a failure.
_ADMITS = re.compile(
    r"\b(fail\w*|error\w*|unable|could ?n[o']t|can ?n[o']t|cannot|did ?n[o']t|was ?n[o']t|not (?:able|available"
    r"|possible|found|work\w*|reach\w*)|unavailable|unreachable|time[ds]? ?out|timeout|refused|denied|unsuccessful\w*"
    r"|sorry|went wrong)\b|失败|无法|不能|错误|抱歉|未能|超时|不可用|出错|没有成功|没能",
    re.IGNORECASE,
)


def invented_urls(run: AgentRun, answer: Message) -> list[str]:
    """Addresses in the answer that stand nowhere before it. A fragment or a final slash makes no other address."""
    known = " ".join(
        [message.content for message in run.messages if message is not answer]
        + [str(call.arguments) for message in run.messages for call in message.tool_calls]
    ).casefold()
    return [url for url in _urls(answer.content) if url.casefold() not in known]


def wrong_language(run: AgentRun, answer: Message) -> bool:
    return not same_language(run.task.query, answer.content)


def hidden_failures(run: AgentRun, found: Sequence[Round], answer: Message) -> list[str]:
    """Tools that never worked, where the answer tells of no failure at all: those that the request needs, or, if no
    call succeeded, any.
    """
    if _ADMITS.search(answer.content):
        return []
    failed = silent_failures(found)
    nothing_worked = not any(event.status == "ok" for each in found for event in each.events)
    return [name for name in failed if nothing_worked or name in run.task.target_tools]


def _urls(text: str) -> list[str]:
    return [url.partition("#")[0].rstrip(_TRAILING).rstrip("/") for url in _URL.findall(text)]
