"""The questions about chains that are put to a teacher, one function for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, JsonValue

from data_synthesis.environments.wordings import Wording
from data_synthesis.records import Feed, ToolServer
from data_synthesis.teacher.interface import Prompt
from data_synthesis.trajectories.graph import replies, wordings
from data_synthesis.trajectories.tasks.prompts import about, documents


def propose(server: ToolServer) -> Prompt[replies.ProposalsReply]:
    return _prompt(wordings.PROPOSE, replies.ProposalsReply, server)


def vote(
    server: ToolServer, chain: Sequence[str], feeds: Sequence[Feed], sample: int
) -> Prompt[replies.VoteReply]:
    flows: list[JsonValue] = [feed.model_dump(mode="json", include={"parameter", "output"}) for feed in feeds]
    return _prompt(wordings.VOTE, replies.VoteReply, server, chain=list(chain), feeds=flows, sample=sample)


def chain_to_request(
    server: ToolServer, chain: Sequence[str], sample: int
) -> Prompt[replies.ChainRequestReply]:
    return _prompt(
        wordings.CHAIN_TO_REQUEST, replies.ChainRequestReply, server, chain=list(chain), sample=sample
    )


def request_to_chain(server: ToolServer, question: str) -> Prompt[replies.RequestChainReply]:
    """Does not show the chain that the request came from."""
    return _prompt(wordings.REQUEST_TO_CHAIN, replies.RequestChainReply, server, question=question)


def _prompt(
    wording: Wording, reply: type[BaseModel], server: ToolServer, **variables: JsonValue
) -> Prompt[Any]:
    shown: dict[str, JsonValue] = {"server": about(server), "tools": documents(server), **variables}
    return Prompt(wording.name, wording.version, shown, reply, template=wording.template)
