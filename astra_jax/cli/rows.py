"""`astra rows`: files of SFT rows, measured, selected and converted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, verb

_READS = "agent runs, trajectories, chat rows, upstream's released SFT rows, or a data set"


def add_row_verbs(verbs: Any) -> None:
    rows = group(verbs, "rows", "work on files of SFT rows", "astra rows stats runs/trajectories/rows.jsonl")
    _add_stats(rows)
    _add_select(rows)
    _add_convert(rows)


def _add_stats(rows: Any) -> None:
    stats = verb(
        rows,
        "stats",
        _stats,
        "count rows, messages, calls, functions, statuses and scores beside the paper's figures",
        "astra rows stats runs/trajectories/rows.jsonl",
    )
    stats.add_argument("file", type=Path, help=_READS)


def _add_select(rows: Any) -> None:
    select = verb(
        rows,
        "select",
        _select,
        "rows that may be trained on, away from benchmarks, without near repeats",
        "astra rows select runs/trajectories/rows.jsonl --out selected.jsonl",
    )
    select.add_argument("file", type=Path, help=_READS)
    select.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the selected rows go")
    select.add_argument(
        "--near-query",
        default="0.8",
        help="similarity of requests that makes a repeat, or none (default: %(default)s)",
    )
    select.add_argument(
        "--near-calls",
        default="0.9",
        help="similarity of the calls made, arguments included, or none (default: %(default)s)",
    )
    select.add_argument(
        "--decontaminate",
        default="bfcl,tau2,acebench",
        metavar="NAMES",
        help="benchmarks to keep away from, where they are installed, or NAME=FOLDER; none (default: %(default)s)",
    )
    select.add_argument("--rejects", type=Path, metavar="FILE", help="where all others go, with reasons")
    _takes_unjudged(select)


def _add_convert(rows: Any) -> None:
    convert = verb(
        rows,
        "convert",
        _convert,
        "between our records, chat rows, upstream's released SFT rows and Hugging Face data sets",
        "astra rows convert selected.jsonl dataset --to dataset --servers servers.jsonl",
    )
    convert.add_argument("file", type=Path, help=_READS)
    convert.add_argument("out", type=Path, help="the file or folder to write")
    convert.add_argument(
        "--to",
        required=True,
        choices=["chat", "upstream", "dataset", "trajectories"],
        help="the format to write; chat is for TRL and ms-swift",
    )
    convert.add_argument(
        "--servers", type=Path, metavar="FILE", help="the runs' servers, for titles and licences"
    )
    convert.add_argument("--held-out", type=Path, metavar="FILE", help="dataset: the rows of a second split")
    convert.add_argument("--name", help="dataset: its title")
    convert.add_argument(
        "--license",
        nargs="+",
        default=(),
        metavar="NAME=SPDX",
        help="dataset: of servers and teachers; or a JSON file of these",
    )
    convert.add_argument(
        "--teacher",
        nargs="+",
        default=(),
        metavar="ROLE=NAME",
        help="dataset: who played a role, such as the judge",
    )
    _takes_unjudged(convert)


def _takes_unjudged(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unjudged",
        action="store_true",
        help="take rows with null scores and unjudged runs; never broken ones",
    )


def _stats(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.trajectories.rows import stats_rows

    return stats_rows(arguments.file, console=console)


def _select(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.trajectories.rows import select_rows_file

    return select_rows_file(
        arguments.file,
        arguments.out,
        settings=_settings(arguments),
        benchmarks=() if arguments.decontaminate == "none" else arguments.decontaminate.split(","),
        rejects=arguments.rejects,
        console=console,
    )


def _convert(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.interop import given_licences
    from data_synthesis.trajectories.rows import convert_rows

    return convert_rows(
        arguments.file,
        arguments.to,
        arguments.out,
        unjudged=arguments.unjudged,
        held_out=arguments.held_out,
        name=arguments.name,
        servers=arguments.servers,
        licences=given_licences(arguments.license),
        teachers=_teachers(arguments.teacher),
        console=console,
    )


def _settings(arguments: argparse.Namespace) -> Any:
    from astra_jax.training.settings import BadSetting
    from data_synthesis.trajectories.rows import SelectSettings

    try:
        near = {
            name: None if (given := getattr(arguments, name)) == "none" else float(given)
            for name in ("near_query", "near_calls")
        }
        return SelectSettings(unjudged=arguments.unjudged, **near)
    except ValueError as error:
        raise BadSetting(f"--near-query and --near-calls are similarities, or none: {error}") from error


def _teachers(given: list[str]) -> dict[str, str]:
    from astra_jax.training.settings import BadSetting

    pairs = [item.partition("=") for item in given]
    if wrong := next(
        (item for item, (role, _, name) in zip(given, pairs, strict=True) if not role or not name), None
    ):
        raise BadSetting(f"a teacher is given as ROLE=NAME, not {wrong!r}")
    return {role: name for role, _, name in pairs}
