"""Which chains are kept: arguments by rule, sense by vote, and the way back from a request."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

from data_synthesis.environments.lineage import revised
from data_synthesis.pipeline import Rejected
from data_synthesis.records import Feed, ServerTool, ToolChain, ToolServer
from data_synthesis.teacher.interface import Teacher, TeacherError
from data_synthesis.trajectories.graph import prompts
from data_synthesis.trajectories.graph.evidence import Feeds, evidence, parameters, required, words
from data_synthesis.trajectories.graph.settings import VerifySettings
from data_synthesis.trajectories.graph.wordings import VOTE

T = TypeVar("T")

# Values that only a system hands out, by words of a name that stand together. Whether a person knows their order number
# is a guess, so an `id` alone is not among them; a `token` may be a currency, a `session` one that the person named.
_HANDED_OUT = tuple(
    frozenset(names.split())
    for names in (
        "uuid", "guid", "cursor", "nonce", "etag", "csrf", "access token", "auth token", "bearer token", "page token",
        "next token", "refresh token", "continuation token", "session token", "upload token",
    )
)  # fmt: skip
_LEAST_EVIDENCE = 0.5


async def verify_chain(
    chain: ToolChain, server: ToolServer, teacher: Teacher, settings: VerifySettings
) -> ToolChain:
    """The chain with what was found; one without tools as it is.

    Raises:
        Rejected: `unsatisfiable_argument` by rule, `vote_lost`, or `back_translation_differs`.
        TeacherError: there was no opinion at all, so nothing is known.
    """
    if not chain.tools:
        return chain
    tools = [tool for name in chain.tools if (tool := server.tool(name))]
    feeds = evidence(tools, _LEAST_EVIDENCE)
    if problem := unsatisfiable(tools, feeds):
        raise Rejected("unsatisfiable_argument", problem)
    votes = await _vote(chain, server, teacher, settings.votes)
    back = await _translate_back(chain, server, teacher, settings.back_translations, feeds)
    return revised(chain, teacher.name, VOTE.label, votes=votes, back_translations=back)


def unsatisfiable(tools: Sequence[ServerTool], feeds: Feeds) -> str:
    """The first required argument that neither a person nor an earlier tool of the chain can give; empty if none.

    A person can give what is not handed out by a system, and what has a default or a list of choices needs nobody.
    """
    for place, tool in enumerate(tools):
        fed = {f.parameter for earlier in tools[:place] for f in feeds.get((earlier.name, tool.name), [])}
        for name in required(tool):
            if name not in fed and not _askable(name, parameters(tool)[name]):
                return f"nothing before {tool.name} gives its `{name}`, and no person knows it"
    return ""


def _askable(name: str, schema: Any) -> bool:
    if isinstance(schema, Mapping) and ("default" in schema or "enum" in schema or "const" in schema):
        return True
    return not any(handed <= set(words(name)) for handed in _HANDED_OUT)


async def _vote(chain: ToolChain, server: ToolServer, teacher: Teacher, count: int) -> dict[str, int]:
    """Whoever does not answer abstains."""
    asked = [prompts.vote(server, chain.tools, chain.feeds, sample) for sample in range(1, count + 1)]
    replies = await _answered(teacher.ask(prompt) for prompt in asked)
    votes = Counter("yes" if reply.is_valid else "no" for reply in replies)
    if asked and not replies:
        raise TeacherError("nobody voted on the chain")
    if asked and votes["yes"] <= votes["no"]:
        against = next((reply.reason for reply in replies if not reply.is_valid), "")
        raise Rejected("vote_lost", f"{votes['yes']} for, {votes['no']} against: {against}")
    return {"yes": votes["yes"], "no": votes["no"], "abstained": count - len(replies)} if asked else {}


async def _translate_back(
    chain: ToolChain, server: ToolServer, teacher: Teacher, count: int, feeds: Feeds
) -> list[list[str]]:
    async def there_and_back(sample: int) -> list[str]:
        said = await teacher.ask(prompts.chain_to_request(server, chain.tools, sample))
        return (await teacher.ask(prompts.request_to_chain(server, said.question))).tools

    found = await _answered(there_and_back(sample) for sample in range(1, count + 1))
    if count and not found:
        raise TeacherError("nobody translated the chain back")
    agree = sum(same_work(chain.tools, other, feeds) for other in found)
    if count and agree <= len(found) - agree:
        differing = next(other for other in found if not same_work(chain.tools, other, feeds))
        raise Rejected(
            "back_translation_differs", f"{' > '.join(chain.tools)} came back as {' > '.join(differing)}"
        )
    return found


def same_work(
    chain: Sequence[str], other: Sequence[str], feeds: Mapping[tuple[str, str], Sequence[Feed]]
) -> bool:
    """Whether two chains call the same tools, each as often, and none before what it takes data from.

    The order of tools between which nothing flows is no difference. Where data can flow both ways the chain's order is
    taken to be meant.
    """
    if Counter(chain) != Counter(other):
        return False
    place = {name: i for i, name in enumerate(other)}
    return all(
        place[before] < place[after]
        for before, after in combinations(chain, 2)
        if before != after and feeds.get((before, after))
    )


async def _answered(asked: Any) -> list[Any]:
    """The answers that there are. A teacher that is gone ends everything."""
    results = await asyncio.gather(*(_or_none(each) for each in asked))
    return [result for result in results if result is not None]


async def _or_none(asked: Awaitable[T]) -> T | None:
    try:
        return await asked
    except TeacherError:
        return None
