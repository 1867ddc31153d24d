"""What a teacher answers with about chains of tools."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from data_synthesis.environments.replies import Reply


class Proposal(Reply):
    """A chain, after the task that it serves."""

    task: str = Field(min_length=1)
    tools: list[str] = Field(min_length=2)
    depends: Literal["yes", "no", "unsure"]


class ProposalsReply(BaseModel):
    """Read object by object: one that is no `Proposal` must not lose the others."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={})

    chains: list[dict[str, Any]]

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        """What a server is constrained to is stricter than what is read."""
        items = Proposal.model_json_schema()
        return {
            "type": "object",
            "title": "ProposalsReply",
            "additionalProperties": False,
            "properties": {"chains": {"type": "array", "items": items}},
            "required": ["chains"],
        }


class VoteReply(Reply):
    reason: str = ""
    is_valid: bool


class ChainRequestReply(Reply):
    question: str = Field(min_length=1)


class RequestChainReply(Reply):
    plan: str = ""
    tools: list[str]
