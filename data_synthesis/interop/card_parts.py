"""The parts that the cards of all data sets have: the header, the funnel, the costs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from data_synthesis.interop.licences import UNKNOWN
from data_synthesis.interop.markdown import table
from data_synthesis.pipeline import Funnel

# Config -> split -> the paths of its files, relative to the folder, and its rows.
Splits = Mapping[str, Mapping[str, tuple[Sequence[str], int]]]

_SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))


def front_matter(
    name: str,
    rows: int,
    splits: Splits,
    *,
    licences: Iterable[str],
    languages: Iterable[str],
    tasks: Sequence[str],
    tags: Sequence[str],
) -> str:
    """The YAML that Hugging Face knows, between its dashes. Its `license` names those of all inputs."""
    import yaml

    known = sorted(language for language in languages if re.fullmatch(r"[a-z]{2,3}", language))
    sizes = [size for size, most in _SIZES if rows < most]
    header = {
        "pretty_name": name,
        "license": sorted({_hugging_face_licence(licence) for licence in licences}),
        **({"language": known} if known else {}),
        "task_categories": list(tasks),
        "tags": list(tags),
        "size_categories": [sizes[0] if sizes else "n>1M"],
        "configs": [
            {
                "config_name": config,
                "data_files": [{"split": split, "path": list(paths)} for split, (paths, _) in of.items()],
            }
            for config, of in splits.items()
        ],
    }
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---\n\n"


def _hugging_face_licence(spdx: str) -> str:
    return spdx.lower() if re.fullmatch(r"[A-Za-z0-9.+-]+", spdx) else "other"


def funnel_part(funnel: Funnel | None, what: str = "arenas") -> str:
    """How many `what` were refused, by stage."""
    if funnel is None:
        return f"## How many were refused\n\nUnknown: no funnel of the run was found beside the {what}."
    rows = [
        (
            s.stage,
            s.inputs,
            s.outputs,
            *(", ".join(f"{k} {n}" for k, n in each.items()) for each in (s.rejected, s.failed)),
        )
        for s in funnel.stages
    ]
    shown = table(("stage", "in", "out", "rejected", "failed: no verdict"), rows)
    return f"## How many were refused\n\nThe funnel of the run that made the {what}:\n\n{shown}"


def usage_part(usage: Mapping[str, Mapping[str, Any]] | None, what: str = "arenas") -> str:
    """What all runs in a folder cost, refused answers and rejected records included; as `Ledger.usage` gives it."""
    if usage is None:
        return f"Unknown: no record of the teacher's requests was found beside the {what}."
    names = ("requests", "refused", "input_tokens", "output_tokens", "seconds", "cost")
    total = {name: sum(of[name] for of in usage.values()) for name in names}
    rows = [
        (prompt, *(f"{c[name]:,}" for name in names[:4]), f"{c['seconds']:,.0f}", f"{c['cost']:,.4g}")
        for prompt, c in {**usage, "all": total}.items()
    ]
    heads = (
        "prompt",
        "requests",
        "refused answers",
        "tokens in",
        "tokens out",
        "seconds of the server",
        "money",
    )
    one = what.removesuffix("s")
    article = "an" if one[0] in "aeiou" else "a"
    return f"What all runs in the folder cost, whether {article} {one} came of it or not:\n\n" + table(
        heads, rows
    )


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def release() -> str:
    """The version that wrote the card."""
    try:
        return metadata.version("astra-jax")
    except metadata.PackageNotFoundError:
        return UNKNOWN
