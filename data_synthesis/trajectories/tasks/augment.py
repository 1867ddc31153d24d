"""A request once more: in another setting, with more constraints, or as somebody else would put it."""

from __future__ import annotations

from data_synthesis.environments.asking import ask_until
from data_synthesis.environments.lineage import revised
from data_synthesis.records import Task, TaskPlan, ToolServer
from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.tasks import prompts
from data_synthesis.trajectories.tasks.check import request_problem
from data_synthesis.trajectories.tasks.replies import VariantReply

MODES = tuple(prompts.BY_MODE)


async def vary(plan: TaskPlan, server: ToolServer, teacher: Teacher, *, attempts: int) -> Task:
    """The planned variation; the task itself where none is planned. Its tools and its language stay.

    Raises:
        Rejected: `bad_variation`: each answer repeats the request, names a tool, or is in another language.
        TeacherError: no answer.
    """
    task = plan.task
    if plan.augmentation is None:
        return task

    def check(reply: VariantReply) -> str:
        if " ".join(reply.question.split()).casefold() == " ".join(task.query.split()).casefold():
            return "that is the request as it was"
        return request_problem(reply.question, [tool.name for tool in server.tools], task.language)

    prompt = prompts.vary(plan)
    reply = await ask_until(teacher, prompt, check, attempts=attempts, reason="bad_variation")
    label = f"{prompt.name}/{prompt.version}"
    return revised(
        task,
        teacher.name,
        label,
        query=reply.question.strip(),
        augmentation=plan.augmentation,
        persona=plan.persona,
    )
