"""Step 1: a seed becomes a question, and the question sub-questions with answers, joined in a DAG."""

from __future__ import annotations

from data_synthesis.environments import graph, prompts
from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.replies import DecompositionReply, InventedReply
from data_synthesis.environments.wordings import DECOMPOSE_BY_MODE
from data_synthesis.records import Decomposition, Provenance, Seed
from data_synthesis.teacher.interface import Teacher


async def decompose(seed: Seed, teacher: Teacher, *, attempts: int) -> Decomposition:
    """Asks for a decomposition until its structure holds by rule.

    Unknown fields of the seed, such as a licence, go along.

    Raises:
        Rejected: `bad_structure`, which a wrong number of layers is, too.
        TeacherError: no answer.
    """

    def check(reply: DecompositionReply | InventedReply) -> str:
        return "; ".join([*graph.problems(reply.sub_questions, reply.scenario), *_hop_problems(reply, seed)])

    reply = await ask_until(
        teacher, prompts.decompose(seed), check, attempts=attempts, reason="bad_structure"
    )
    label = DECOMPOSE_BY_MODE[seed.mode].label
    provenance = Provenance(parents=[seed.id], teacher=teacher.name, prompt_version=label)
    asked = seed.model_dump(include={"question", "domain", "language"}) | (seed.model_extra or {})
    situation = seed.context if seed.mode == "context" else None  # in other modes the user does not say it
    return Decomposition.model_validate(
        {**asked, "context": situation, **reply.model_dump(), "provenance": provenance}
    )


def _hop_problems(reply: DecompositionReply | InventedReply, seed: Seed) -> list[str]:
    fewest, most = seed.min_hops or 1, seed.max_hops or len(reply.sub_questions)
    hops = max(node.hop_level for node in reply.sub_questions)
    if fewest <= hops <= most:
        return []
    wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    return [f"there are {hops} layers, not {wanted}"]
