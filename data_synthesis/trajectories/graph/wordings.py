"""The words of every prompt about chains, with their versions. A version changes with its words."""

from __future__ import annotations

from data_synthesis.environments.wordings import Wording

_SERVICE = """\
A service offers these tools.

Service: $server
Tools: $tools

"""

PROPOSE = Wording(
    "propose_chains",
    "1",
    _SERVICE
    + """\
Which of these tools are used one after the other, because a later one needs what an earlier one gives? Propose chains
of two to five tools, each for a task that somebody really has. First write the task, then the chain's tools in the
order in which they are called, by their names above, then whether each really depends on one before it: `yes`, `no` or
`unsure`. Leave out tools that can be called at any time. Where no tool depends on another, propose nothing.
""",
)

VOTE = Wording(
    "vote_chain",
    "1",
    _SERVICE
    + """\
Somebody thinks that one request can need exactly these tools, in this order: $chain
Data that may flow between them: $feeds

Is there such a request: one goal, each tool needed for it, and each argument known to the person or given by a tool
before? Give your reason, then your verdict. This is opinion number $sample; judge for yourself.
""",
)

CHAIN_TO_REQUEST = Wording(
    "chain_to_request",
    "1",
    _SERVICE
    + """\
Write one request of a real person that needs these tools, in this order: $chain
Ask for the goal, name no tool, list no steps. This is request number $sample.
""",
)

REQUEST_TO_CHAIN = Wording(
    "request_to_chain",
    "1",
    _SERVICE
    + """\
A person asks: $question

Which of these tools does the request need, in which order? First write your plan, then the tools by their names above.
""",
)

VERIFYING = (VOTE, CHAIN_TO_REQUEST, REQUEST_TO_CHAIN)
