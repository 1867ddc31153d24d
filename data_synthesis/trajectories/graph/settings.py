"""What graphs, walks and the verification of chains depend on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GraphSettings:
    """Weight of an edge: `proposal_weight` for each proposal in which its tools are neighbours, and `evidence_weight`
    times the best evidence that the one feeds the other. The paper says that edges have weights, not which.

    Args:
        least_evidence: score under which evidence is left out.
        evidence_adds_edges: whether evidence alone makes an edge, or only adds to one that was proposed.

    Raises:
        ValueError: a weight or a score that is none.
    """

    proposal_weight: float = 1.0
    evidence_weight: float = 1.0
    least_evidence: float = 0.5
    evidence_adds_edges: bool = False

    def __post_init__(self) -> None:
        if self.proposal_weight <= 0 or self.evidence_weight < 0:
            raise ValueError("proposal_weight must be over 0, evidence_weight 0 or more")
        if not 0 < self.least_evidence <= 1:
            raise ValueError(f"least_evidence must be over 0 and at most 1, not {self.least_evidence:g}")


@dataclass(frozen=True)
class WalkSettings:
    """The paper samples walks bounded in length and biased by weight, and says neither how long nor how many.

    Args:
        count: chains of one graph at most.
        least_length, most_length: tools of a chain. Upstream: 2 to 5.
        acyclic: no tool twice in a chain.
        tries: walks sampled for one that is wanted, as many repeat others or end too early.
        enumerated: where there are at most so many walks in all, each is taken, and none sampled.

    Raises:
        ValueError: no walk could be taken so.
    """

    count: int = 20
    least_length: int = 2
    most_length: int = 5
    acyclic: bool = True
    tries: int = 10
    enumerated: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.least_length <= self.most_length:
            raise ValueError(f"a walk cannot have {self.least_length} to {self.most_length} tools")
        if self.count < 1 or self.tries < 1 or self.enumerated < 0:
            raise ValueError("count and tries must be 1 or more, enumerated 0 or more")


@dataclass(frozen=True)
class VerifySettings:
    """
    Args:
        votes: on whether a chain makes sense; more must be for it than against it. 0: no vote.
        back_translations: from the chain to a request and back; more must agree than differ. 0: none.

    Raises:
        ValueError: a count that is none.
    """

    votes: int = 3
    back_translations: int = 1

    def __post_init__(self) -> None:
        if self.votes < 0 or self.back_translations < 0:
            raise ValueError("votes and back_translations must be 0 or more")
