"""The words of every prompt of the five steps, with their versions.

A version changes with its words: a recorded or cached reply belongs to one version.
"""

from __future__ import annotations

from typing import NamedTuple


class Wording(NamedTuple):
    """A prompt's words; `$name` stands for a variable."""

    name: str
    version: str
    template: str

    @property
    def label(self) -> str:
        """`name/version`, by which records and transcripts refer to it."""
        return f"{self.name}/{self.version}"


DECOMPOSE = Wording(
    "decompose",
    "1",
    """\
A person asks an assistant that works with tools:

$question

Domain: $domain. Language of your answer: $language.
Facts you must use, if any are given: $context

Break the question into the sub-questions whose answers lead to its answer.
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
""",
)

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
