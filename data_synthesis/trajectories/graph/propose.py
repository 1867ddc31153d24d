"""A server to its tool graph: a teacher proposes chains, each is read by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from data_synthesis.embedding.interface import Embedder, EmbeddingUnavailable
from data_synthesis.pipeline import Rejected
from data_synthesis.records import ChainProposal, Provenance, ToolGraph, ToolServer, first_problem
from data_synthesis.teacher.interface import Teacher, TeacherGone
from data_synthesis.trajectories.graph import prompts
from data_synthesis.trajectories.graph.evidence import Feeds, evidence
from data_synthesis.trajectories.graph.graph import tool_graph
from data_synthesis.trajectories.graph.replies import Proposal
from data_synthesis.trajectories.graph.settings import GraphSettings


async def propose(
    server: ToolServer, teacher: Teacher, settings: GraphSettings, embedder: Embedder | None = None
) -> ToolGraph:
    """The graph of a server's tools. Proposals that cannot be used are in its `refused`, with the reason.

    Raises:
        Rejected: `no_chain`: no edge was proposed; the detail says why the proposals were refused.
        TeacherError: no answer.
        TeacherGone: the embedder cannot be had.
    """
    prompt = prompts.propose(server)
    reply = await teacher.ask(prompt)
    names = {tool.name for tool in server.tools}
    read = [_read(item, names, teacher.name) for item in reply.chains]
    proposals = [each for each in read if isinstance(each, ChainProposal)]
    refused = [each for each in read if isinstance(each, str)]
    feeds = await _evidence(server, settings, embedder)
    graph = tool_graph(server, proposals, feeds, settings)
    if not graph.edges:
        raise Rejected("no_chain", "; ".join(refused) or "no chain was proposed")
    label = f"{prompt.name}/{prompt.version}"
    provenance = Provenance(parents=[server.id], teacher=teacher.name, prompt_version=label)
    return graph.model_copy(update={"provenance": provenance, "refused": refused})


async def _evidence(server: ToolServer, settings: GraphSettings, embedder: Embedder | None) -> Feeds:
    """In a thread where vectors are computed, so that others' answers are not kept waiting."""
    if embedder is None:
        return evidence(server.tools, settings.least_evidence)
    try:
        return await asyncio.to_thread(evidence, server.tools, settings.least_evidence, embedder)
    except EmbeddingUnavailable as error:
        raise TeacherGone(str(error)) from error


def _read(item: Mapping[str, Any], names: set[str], by: str) -> ChainProposal | str:
    """A proposal, or why it is none."""
    try:
        proposal = Proposal.model_validate(item)
    except ValidationError as error:
        field, problem = first_problem(error)
        return f"`{field}`: {problem}"
    if proposal.depends != "yes":
        return f"{' > '.join(proposal.tools)}: the dependency is {proposal.depends!r}"
    if unknown := [name for name in proposal.tools if name not in names]:
        return f"there is no tool {unknown[0]!r}"
    if len(set(proposal.tools)) < len(proposal.tools):
        return f"{' > '.join(proposal.tools)}: a tool is named twice"
    return ChainProposal(tools=proposal.tools, task=proposal.task, by=by)
