"""The card of a data set: a README whose header Hugging Face reads and whose body says what may be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_synthesis.interop.card_parts import Splits, front_matter, funnel_part, percent, release, usage_part
from data_synthesis.interop.licences import UNKNOWN
from data_synthesis.interop.markdown import counts, table
from data_synthesis.interop.tally import Tally
from data_synthesis.pipeline import Funnel
from data_synthesis.records import SCHEMA_VERSION
from data_synthesis.selection import PAPER_MIX

_TAGS = ["agent", "function-calling", "tool-use", "reinforcement-learning", "synthetic", "verifiable-rewards"]
_TASKS = ["reinforcement-learning", "text-generation"]


@dataclass(frozen=True)
class Facts:
    """What a card is written from.

    Args:
        name: of the data set.
        splits: config -> split -> the paths of its files, relative to the folder, and its rows.
        tally: of all rows.
        funnel, usage: of the run that made the arenas, where known; usage as `Ledger.usage` gives it.
        licences: name of an input or teacher -> SPDX identifier.
    """

    name: str
    splits: Splits
    tally: Tally
    funnel: Funnel | None = None
    usage: Mapping[str, Mapping[str, Any]] | None = None
    licences: Mapping[str, str] = field(default_factory=dict)


def card(facts: Facts) -> str:
    """The text of README.md."""
    header = front_matter(
        facts.name,
        facts.tally.arenas,
        facts.splits,
        licences=[licence for _, _, _, licence in _inputs(facts)],
        languages=facts.tally.languages,
        tasks=_TASKS,
        tags=_TAGS,
    )
    parts = [
        _opening(facts),
        _claims(),
        _loading(facts),
        funnel_part(facts.funnel),
        _mix(facts.tally),
        _proof(facts.tally),
        _costs(facts),
        _licences(facts),
    ]
    return header + "\n\n".join(parts) + "\n"


def _opening(facts: Facts) -> str:
    tally = facts.tally
    rows = table(
        ("config", "split", "rows"),
        [(config, split, n) for config, splits in facts.splits.items() for split, (_, n) in splits.items()],
    )
    calls, tools, more = (n / tally.arenas for n in (tally.gold_calls, tally.tools, tally.distractors))
    return f"""# {facts.name}

{tally.arenas:,} arenas for training agents that call tools. An arena is a question, tools as Python source with their
documents, and the calls that answer it, each with the answer that its output must contain. On average an arena has
{calls:.2f} such calls, {tools:.2f} tools and {more:.2f} distractors. Written by astra_jax {release()}, records of
schema version {SCHEMA_VERSION}.

{rows}"""


def _claims() -> str:
    return """## What is not claimed

What a proof shows is that an arena agrees with itself: its calls, run in a sandbox, give its answers, and changed
calls do not. It does not show that the answers are true. Answers, names, prices and dates are invented, unless a
context that stands before the question gave them, and then only as far as the teacher kept to it. No person
is known to have read the rows. Tools are code that a program wrote: run them in a sandbox only."""


def _loading(facts: Facts) -> str:
    configs = list(facts.splits)
    config = f', "{configs[0]}"' if len(configs) > 1 or configs[0] != "default" else ""
    variants = (
        """
Rows whose user withholds a value or whose tools come later are in the config `variants`: the four columns alone would
make another task of them."""
        if "variants" in facts.splits
        else ""
    )
    return f"""## Load it

    import datasets
    rows = datasets.load_dataset("PATH"{config}, split="{next(iter(facts.splits[configs[0]]))}")

    from data_synthesis.interop import read_dataset
    arenas = list(read_dataset("PATH"))    # the records that were written, field by field

`prompt`, `tool_schema`, `tool_dict` and `sub_qa_dict` are those of the RL rows that ASTRA (arXiv 2601.21558)
released: the user's message, the tools' OpenAI schemas, the source by name, and the answers by gold tool. Beside them,
`gold_calls` has the arguments, answers and dependencies of each call, `proved` and `verification` what its proof said,
`provenance` where it comes from, `other` the fields that have no column. The first `n_tools` schemas are the arena's,
the rest distractors. Everything that is not text or a number is JSON in text.{variants}"""


def _mix(tally: Tally) -> str:
    mix = [
        (name, tally.scenarios[name], percent(tally.scenarios[name] / tally.arenas), percent(float(share)))
        for name, share in PAPER_MIX.items()
    ]
    parts = [
        table(("scenario", "arenas", "share", "the paper's RL data"), mix),
        counts("domain", tally.domains),
        counts("language", tally.languages),
        counts("variant", tally.variants),
    ]
    return "## What is in it\n\n" + "\n\n".join(parts)


def _proof(tally: Tally) -> str:
    verdicts = counts("verdict", tally.verdicts)
    reasons = f"\n\n{counts('reason', tally.reasons)}" if tally.reasons else ""
    proofs = table(
        ("checks made", "version and settings", "arenas"),
        [(*how, n) for how, n in tally.proofs.most_common()],
    )
    return f"""## The proof

`proved` holds the verdict of each row, null where there is none, and `verification` what was checked. `astra arenas
verify PATH` proves the rows again, with the proof of the release that is installed.

{verdicts}{reasons}

{proofs if tally.proofs else ""}""".rstrip()


def _costs(facts: Facts) -> str:
    teachers = table(
        ("teacher", "version of its last prompt", "arenas"),
        [(*names, n) for names, n in facts.tally.teachers.most_common()],
    )
    return f"## Teachers and costs\n\n{teachers}\n\n{usage_part(facts.usage)}"


def _licences(facts: Facts) -> str:
    shown = table(("input", "kind", "arenas", "licence"), _inputs(facts))
    return f"""## Licences of what went in

The licence of the rows is for those who publish them to choose; the header names the licences of the inputs, and
`unknown` stands where nobody said.

{shown}"""


def _inputs(facts: Facts) -> list[tuple[str, str, int | str, str]]:
    """Name, kind, arenas and licence of every source and teacher. What is given counts where a row says nothing."""
    given, found = dict(facts.licences), list[tuple[str, str, int | str, str]]()
    for (source, licence), n in sorted(facts.tally.sources.items()):
        found.append((source, "source", n, licence if licence != UNKNOWN else given.get(source, UNKNOWN)))
    for teacher, n in sorted(_by_teacher(facts.tally).items()):
        known = "Apache-2.0" if teacher == "procedural" else UNKNOWN  # a part of this project
        found.append((teacher, "teacher", n, given.get(teacher, known)))
    named = {name for name, *_ in found}
    return found + [(name, "given", "", spdx) for name, spdx in given.items() if name not in named]


def _by_teacher(tally: Tally) -> Counter[str]:
    teachers: Counter[str] = Counter()
    for (teacher, _), n in tally.teachers.items():
        teachers[teacher] += n
    return teachers
