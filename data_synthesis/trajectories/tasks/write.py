"""A chain to a request that needs it."""

from __future__ import annotations

from data_synthesis.environments.asking import ask_until
from data_synthesis.records import Provenance, Task, ToolChain, ToolServer
from data_synthesis.teacher.interface import Teacher
from data_synthesis.trajectories.language import script
from data_synthesis.trajectories.tasks import prompts
from data_synthesis.trajectories.tasks.check import request_problem
from data_synthesis.trajectories.tasks.replies import TaskReply


async def write_task(chain: ToolChain, server: ToolServer, teacher: Teacher, *, attempts: int) -> Task:
    """A request for one sample of a chain, in the language of the server's description.

    Raises:
        Rejected: `bad_task`: there was none that names known tools alone, those of the chain where it has some, and
            gives none of them away.
        TeacherError: no answer.
    """
    language = "zh" if script(server.description or server.title) == "zh" else "en"

    def check(reply: TaskReply) -> str:
        return _tools_problem(reply, chain, server) or request_problem(
            reply.question, [tool.name for tool in server.tools], language
        )

    prompt = prompts.write_task(chain, server, language)
    reply = await ask_until(teacher, prompt, check, attempts=attempts, reason="bad_task")
    return Task(
        query=reply.question.strip(),
        server_id=server.id,
        chain_id=chain.id if chain.tools else "",
        target_tools=reply.target_tools,
        language=language,
        provenance=Provenance(
            parents=[chain.id], teacher=teacher.name, prompt_version=f"{prompt.name}/{prompt.version}"
        ),
    )


def _tools_problem(reply: TaskReply, chain: ToolChain, server: ToolServer) -> str:
    known = {tool.name for tool in server.tools}
    if unknown := [name for name in reply.target_tools if name not in known]:
        return f"there is no tool {unknown[0]!r}; the tools are {', '.join(sorted(known))}"
    if chain.tools and reply.target_tools != chain.tools:
        return f"`target_tools` must be {chain.tools}, not {reply.target_tools}"
    if not chain.tools and len(set(reply.target_tools)) != chain.tool_count:
        return f"`target_tools` must be {chain.tool_count} different tools, not {reply.target_tools}"
    return ""
