"""The words of every prompt of the five steps, with their versions.

A version changes with its words: a recorded or cached reply belongs to one version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from data_synthesis.records import SeedMode


class Wording(NamedTuple):
    """A prompt's words; `$name` stands for a variable."""

    name: str
    version: str
    template: str

    @property
    def label(self) -> str:
        """`name/version`, by which records and transcripts refer to it."""
        return f"{self.name}/{self.version}"


_RULES = """\
- Each sub-question is one natural request that a single call of a single tool can answer. Independent
  requests are separate sub-questions, so that they can be made at the same time.
- Write concrete names, dates and amounts, never placeholders. Where no facts are given, invent specific,
  plausible ones.
- `answer` is the bare final value of a sub-question: no reasoning, no sentence around it, nothing a
  person could guess.
- `depends_on` lists only the sub-questions whose answers this one needs directly. `hop_level` is 1
  without parents and otherwise one more than the deepest parent's. `is_parallel` is true where another
  sub-question has the same level.
- Number the sub-questions from 1, parents first. A last one may put the others' answers together without
  a tool.
- `scenario` is single_hop (one), parallel_single_hop (several, none depends on another), multi_hop (a
  chain), or parallel_multi_hop (a mixture).
- No sub-question and no main question may already contain the answer that is looked for.
"""

DECOMPOSE = Wording(
    "decompose",
    "1",
    """\
A person asks an assistant that works with tools:

$question

Domain: $domain. Language of your answer: $language.
Facts you must use, if any are given: $context

Break the question into the sub-questions whose answers lead to its answer.
"""
    + _RULES,
)

_INVENT = (
    """\

Invent one such request as `question`, in the words of someone who needs it done: concrete, complete in
itself, with names, dates and amounts of its own, and no list of steps. Requests of this kind are asked
for many times (this is number $repeat): take other people, places and amounts than come to mind first.
Write in $language. Then break it, in $hops, into the sub-questions whose answers lead to its answer.
"""
    + _RULES
)

DECOMPOSE_DOMAIN = Wording(
    "decompose_domain",
    "1",
    """\
People ask an assistant that works with tools for help in this domain: $domain.
Facts you must use, if any are given: $context
"""
    + _INVENT,
)

DECOMPOSE_CONTEXT = Wording(
    "decompose_context",
    "1",
    """\
Someone is in this situation (domain: $domain), and turns to an assistant that works with tools:

$context

What the situation states is true: names, dates and amounts in it keep their values, and what it lacks is
what the tools find out. The request repeats what the assistant has to know of it.
"""
    + _INVENT,
)

DECOMPOSE_TAXONOMY = Wording(
    "decompose_taxonomy",
    "1",
    """\
People ask an assistant that works with tools for help of one kind. Where it stands in the taxonomy of
such requests: $domain. What it is, with an example of it where one is given:

$context

Your request is of that kind, and none of the examples.
"""
    + _INVENT,
)

_ENVIRONMENT = """\
An assistant for the domain $domain has these tools:

$shown

"""

DECOMPOSE_ENV_BASE = Wording(
    "decompose_env_base",
    "1",
    _ENVIRONMENT
    + """\
People ask it for what these tools can do, alone and together. Each sub-question needs one of them.
"""
    + _INVENT,
)

DECOMPOSE_ENV_CALL_STATE = Wording(
    "decompose_env_call_state",
    "1",
    _ENVIRONMENT
    + """\
It was asked before; each tool is shown with the calls that were made and what they gave. People ask for the
same kinds of things about other entities, dates and amounts. Each sub-question needs one of the tools, with
arguments that were not used yet.
"""
    + _INVENT,
)

DECOMPOSE_ENV_CALL_STATE_LOOSE = Wording(
    "decompose_env_call_state_loose",
    "1",
    _ENVIRONMENT
    + """\
It was asked before; each tool is shown with the calls that were made and what they gave. People now ask for
something related, for which some of these tools are needed with arguments that were not used yet, and other
tools that it does not have yet.
"""
    + _INVENT,
)

DECOMPOSE_ENV_TOOL_NAME = Wording(
    "decompose_env_tool_name",
    "1",
    """\
An assistant for the domain $domain has tools with these names, and no more is known of them: $shown

People ask it for what such tools can do, alone and together. Each sub-question needs one of them.
"""
    + _INVENT,
)

DECOMPOSE_BY_MODE: Mapping[SeedMode, Wording] = {
    "question": DECOMPOSE,
    "domain": DECOMPOSE_DOMAIN,
    "context": DECOMPOSE_CONTEXT,
    "taxonomy": DECOMPOSE_TAXONOMY,
    "env_base": DECOMPOSE_ENV_BASE,
    "env_call_state": DECOMPOSE_ENV_CALL_STATE,
    "env_call_state_loose": DECOMPOSE_ENV_CALL_STATE_LOOSE,
    "env_tool_name": DECOMPOSE_ENV_TOOL_NAME,
}

NECESSITY = Wording(
    "necessity",
    "1",
    """\
The request: $question
Its answer: $answer
Its sub-questions:
$sub_questions

Say for each sub-question whether a tool is needed to answer it, given the answers of its parents. A tool
is needed for anything that must be looked up, booked or changed in the world, for data that is only
summarised or cut short, for arithmetic beyond adding or comparing a few small whole numbers, for
filtering or sorting long lists. No tool is needed to reword, to compare or to combine a handful of given
values, or to judge numbers already computed. Give one judgement for each sub-question, in their order.
""",
)

VERIFY_DEPENDENCY = Wording(
    "verify_dependency",
    "1",
    """\
These were asked and answered before:
$facts

Next comes: $sub_question

Do the earlier answers fit it? `missing`: it needs an entity or a value that neither it nor they contain.
`redundant`: one of the earlier questions and answers is of no use to it at all. Otherwise `matched`.
""",
)

VERIFY_ATOMICITY = Wording(
    "verify_atomicity",
    "1",
    """\
The request: $question
Its answer: $answer
Its sub-questions:
$sub_questions

Judge each sub-question. It is atomic if it has one purpose, does not repeat the work of another, and one
tool call answers it. A last step that only puts earlier answers together counts as atomic.
""",
)

VERIFY_SEQUENTIAL = Wording(
    "verify_sequential",
    "1",
    """\
The request: $question
Its sub-questions, with the layer of each:
$sub_questions

Name in `forced` the ids of sub-questions that were made to wait for others although they could have been
asked at the same time as them. Name only clear cases; where you are not sure, name none.
""",
)

VERIFY_COMPLETENESS = Wording(
    "verify_completeness",
    "1",
    """\
The request: $question
Its answer: $answer
Its sub-questions:
$sub_questions

List everything the request asks for, then check that the sub-questions together cover it. Name in
`missing` what no sub-question covers; leave it empty if nothing is missing.
""",
)

TOOL_DOCUMENT = Wording(
    "tool_document",
    "1",
    """\
Within the request "$question" an assistant has to find out:

$sub_question

It already knows: $facts

Design one tool for this kind of need, as an OpenAI function: `name` in snake_case, `description`, and
`parameters` as a JSON schema of type object. The tool must serve other people's requests of the same kind
too: parameters name entities, dates and choices (with enums and formats where they help), some are
optional, and no example or default repeats a value of this request.
""",
)

TOOL_SCALING = Wording(
    "tool_scaling",
    "1",
    """\
A tool was designed for this kind of need: $sub_question

$tool

Write its document again, more like one that is used in earnest. The name stays, and so do the parameters,
with their types and with what is required. The description says exactly what the tool does, for which
inputs, and what it returns. Parameters get the formats, ranges and enums that they lack; one to three
optional ones that such a service really has may be added. No example or default repeats a value of the
need.
""",
)

TOOL_CALL = Wording(
    "tool_call",
    "1",
    """\
The tool:
$tool

The need: $sub_question
Already known: $facts

Write the call that answers the need: the tool's `name`, and `arguments` that fit its schema. Take values
only from the need and from what is known.
""",
)

TOOL_CODE = Wording(
    "tool_code",
    "1",
    """\
The tool:
$tool

Write its Python source: one function with exactly this name and these parameters, and whatever helpers it
needs.
- Standard library only. No network, no files, no clock, no randomness: the same call always returns the
  same value.
- Keep the data the tool knows in tables inside the source, several plausible entities of it, not only the
  one asked for.
- Check every argument; raise ValueError with a clear message for what is malformed or unknown.
- Return a JSON value. What is returned depends on the arguments, and is no more than what was asked.
- The call $call, which answers "$sub_question", must return something that contains exactly: $answer
""",
)

INTENT_CLUSTERS = Wording(
    "intent_clusters",
    "1",
    """\
The request: $question
Its tool calls, each with the need it serves and the tool that was designed for it alone:
$items

Group the needs that one tool with parameters could serve: the same steps over the same kind of data, the
same operation, the same core parameters, answers of the same shape. Put every id in exactly one group; a
group may have one.
""",
)

MERGE_TOOL = Wording(
    "merge_tool",
    "1",
    """\
The tool:
$tool

Its source:
$source

It already answers these:
$cases

It shall also answer: $sub_question
and return something that contains exactly: $answer

Change only the data in the source, and the reading of arguments where that must widen: same function
name, same parameters, same results for the old calls. Give the whole new `source`, the `arguments` of the
new call, and `tool` only if its document must mention something new.
""",
)
