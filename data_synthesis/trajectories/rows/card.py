"""The card of a data set of rows: a README whose header Hugging Face reads and whose body says what may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_synthesis.interop.card_parts import Splits, front_matter, funnel_part, percent, release, usage_part
from data_synthesis.interop.licences import UNKNOWN
from data_synthesis.interop.markdown import counts, table
from data_synthesis.pipeline import Funnel
from data_synthesis.records import SCHEMA_VERSION
from data_synthesis.trajectories.rows.sources import Sources
from data_synthesis.trajectories.rows.statistics import PAPER, RowStatistics

_TAGS = ["agent", "function-calling", "tool-use", "mcp", "sft", "synthetic"]
_PROJECT = {"procedural", "rehearsed"}  # teachers that are a part of this project


@dataclass(frozen=True)
class Facts:
    """What a card is written from.

    Args:
        funnel, usage: of the run that made the rows, where known; usage as `Ledger.usage` gives it.
        unjudged: rows with null scores, and runs without any, were taken on demand.
    """

    name: str
    splits: Splits
    statistics: RowStatistics
    sources: Sources
    funnel: Funnel | None = None
    usage: Mapping[str, Mapping[str, Any]] | None = None
    unjudged: bool = False
    teachers: Mapping[str, str] = field(default_factory=dict)


def card(facts: Facts) -> str:
    """The text of README.md."""
    header = front_matter(
        facts.name,
        facts.statistics.rows,
        facts.splits,
        licences=[licence for *_, licence in _inputs(facts)],
        languages=facts.statistics.languages,
        tasks=["text-generation"],
        tags=_TAGS,
    )
    parts = [
        _opening(facts),
        _claims(facts),
        _LOADING,
        funnel_part(facts.funnel, "rows"),
        _statistics(facts.statistics),
        _scores(facts),
        _costs(facts),
        _licences(facts),
    ]
    return header + "\n\n".join(parts) + "\n"


def _opening(facts: Facts) -> str:
    rows = table(
        ("config", "split", "rows"),
        [(config, split, n) for config, splits in facts.splits.items() for split, (_, n) in splits.items()],
    )
    return f"""# {facts.name}

{facts.statistics.rows:,} conversations in which an agent calls tools, for supervised fine-tuning. Written by astra_jax
{release()}, records of schema version {SCHEMA_VERSION}.

{rows}"""


def _claims(facts: Facts) -> str:
    how = facts.sources.executed()
    shown = table(
        ("tools were executed by", "rows", "share"),
        [(name, n, percent(n / how.total())) for name, n in how.most_common()],
    )
    return f"""## What is not claimed

Emulated tools are not real: a language model, or a program, made up what they returned. Names, prices, dates, files
and addresses in those results do not exist, or are not as the results say, and some failures were injected on purpose.
Where it is unknown how tools were executed, take them for emulated. Requests were written by models too, and no person
is known to have read the rows. Scores are what rules and a model found; they do not show that an answer is true.

{shown}"""


_LOADING = """## Load it

    import datasets
    rows = datasets.load_dataset("PATH", split="train")

`messages` and `tools` are in OpenAI's form, as TRL and ms-swift train on them: arguments are objects, `tools` is JSON
text. `messages` needs `datasets` 4.7 or newer, which keeps the fields of each message as they are. `scores` (a JSON
object) has the judge's scores by dimension, `score` their mean, null where one is; `other` holds the rest of the record
as JSON: the task, what was executed and how it went, what changed on disk, judgements with reasons, provenance.

    from data_synthesis.trajectories.rows import read_rows
    runs = list(read_rows("PATH"))    # the records that were written, field by field"""


def _statistics(statistics: RowStatistics) -> str:
    figures = [(name, figure, PAPER.get(name, "")) for name, figure in statistics.figures().items()]
    parts = [
        table(("of the rows", "here", "the paper's SFT data"), figures),
        counts("language", statistics.languages, "rows"),
        counts("domain", statistics.domains, "rows"),
    ]
    if statistics.events:
        injected = f"\n\n{statistics.injected:,} failures were injected."
        parts.append(counts("executed call", statistics.events, "calls") + injected)
    return "## What is in it\n\n" + "\n\n".join(parts)


def _scores(facts: Facts) -> str:
    rows = facts.statistics.score_rows()
    heads = ("dimension", "mean", "known", "null: no verdict", "judged by rule", "judged by model")
    shown = table(heads, rows) if rows else "The rows were not judged."
    taken = " They were taken on demand here." if facts.unjudged else ""
    return f"""## Scores

In [0, 1]. A judge that failed leaves null, never a score; rows with nulls are left out unless asked for.{taken}

{shown}"""


def _costs(facts: Facts) -> str:
    found = [(role, name, n) for (role, name), n in facts.sources.teachers.most_common()]
    others = [
        (role, name, "") for role, name in facts.teachers.items() if role not in {role for role, *_ in found}
    ]
    teachers = table(("role", "teacher", "rows"), [*found, *others])
    return f"## Teachers and costs\n\n{teachers}\n\n{usage_part(facts.usage, 'rows')}"


def _licences(facts: Facts) -> str:
    shown = table(("input", "kind", "rows", "licence"), _inputs(facts))
    return f"""## Tool sources and licences

The licence of the rows is for those who publish them to choose; the header names the licences of the inputs, and
`unknown` stands where nobody said.

{shown}"""


def _inputs(facts: Facts) -> list[tuple[str, str, int | str, str]]:
    """Name, kind, rows and licence of every server and teacher."""
    sources = facts.sources
    found: list[tuple[str, str, int | str, str]] = [
        (source.title, f"tools, {source.executed}", n, source.licence)
        for source, n in sorted(sources.servers.items(), key=lambda item: (-item[1], item[0].title))
    ]
    names = dict.fromkeys([name for _, name in sources.teachers] + list(facts.teachers.values()))
    known = {name: "Apache-2.0" if name in _PROJECT else UNKNOWN for name in names}
    found += [(name, "teacher", "", sources.licences.get(name, known[name])) for name in names]
    named = {name for name, *_ in found}
    return found + [(name, "given", "", spdx) for name, spdx in sources.licences.items() if name not in named]
