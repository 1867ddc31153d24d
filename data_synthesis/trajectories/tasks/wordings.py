"""The words of every prompt about tasks, with their versions. A version changes with its words."""

from __future__ import annotations

from data_synthesis.environments.wordings import Wording

_REQUEST = """\
The request
- is what one person would really write to an assistant that has these tools, in $language;
- asks for something to be done or found out, not how it could be done;
- holds every name, date, amount and path that the tools need and that no other tool can supply;
- names no tool, no function and no server, and does not list steps;
- cannot be answered with one tool alone where more are asked for, nor without any.
In `target_tools` write the tools that it needs, in the order in which they would be called.
"""

WRITE_CHAIN = Wording(
    "write_task",
    "1",
    """\
A service offers these tools.

Service: $server
Tools: $tools

Write a request that needs these tools, each once, in this order: $chain
This is request number $sample for them: another person, another occasion than the ones before.
"""
    + _REQUEST,
)

WRITE_OPEN = Wording(
    "write_open_task",
    "1",
    """\
A service offers these tools.

Service: $server
Tools: $tools

Write a request that needs exactly $tool_count of these tools, which you choose.
This is request number $sample for this service: another person, another occasion than the ones before.
"""
    + _REQUEST,
)

_KEEP = """\
Keep the goal, the tools that are needed and their order, and the language, which is $language. Keep every value that
a tool needs, unless the change is about it. Name no tool. Ask for the thing to be done, not how it is done.
"""

_ORIGINAL = """\
A person asks an assistant that works with tools:

$question

It needs these tools, in this order: $tools

"""

DIVERSE = Wording(
    "vary_diverse",
    "1",
    _ORIGINAL
    + """\
Write variation number $variant: the same kind of work in a clearly different setting, just as hard, with as many
constraints. Put the setting into `note`.
"""
    + _KEEP,
)

COMPLICATE = Wording(
    "vary_complicate",
    "1",
    _ORIGINAL
    + """\
Write variation number $variant: the same setting with concrete constraints that compete, such as a budget, a deadline,
a rule or other people's wishes; another kind of constraint in each variation. Put the constraints into `note`.
"""
    + _KEEP,
)

PERSONA = Wording(
    "vary_persona",
    "1",
    _ORIGINAL
    + """\
Write it as this person would, who has the same need; their way of speaking, not their biography: $persona
Variation number $variant. Put into `note` what in the wording comes from the person.
"""
    + _KEEP,
)

SCORE = Wording(
    "score_task",
    "1",
    """\
A service offers these tools.

Service: $server
Tools: $tools

A person asks an assistant that has them: $question
It is said to need: $target_tools

Rate the request from 1 to 5, with your reason before each rating:
- tool_selection_difficulty: how hard it is to find the right tools (1 very easy, 5 very hard);
- tool_selection_uniqueness: whether these tools are the only way (1 many other ways, 5 the only one);
- question_quality: clear, complete, specific, one coherent piece of work (1 very poor, 5 excellent);
- scenario_realism: whether somebody would really ask this (1 unrealistic, 5 highly realistic).
""",
)

WRITING, VARYING = (WRITE_CHAIN, WRITE_OPEN), (DIVERSE, COMPLICATE, PERSONA)
