"""`astra arenas`: files of arenas, proved, measured, selected, mixed with distractors and converted."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from astra_jax.cli.parsing import group, takes_sandbox_level, verb


def add_arena_verbs(verbs: Any) -> None:
    arenas = group(verbs, "arenas", "work on files of arenas", "astra arenas verify arenas.jsonl")
    _add_verify(arenas)
    _add_stats(arenas)
    _add_select(arenas)
    _add_distract(arenas)
    _add_convert(arenas)


def _add_verify(arenas: Any) -> None:
    verify = verb(
        arenas,
        "verify",
        _verify,
        "prove every arena of a file again, with reasons; exits with 1 if one fails",
        "astra arenas verify runs/quickstart/arenas/rl.jsonl --json proof.json",
    )
    verify.add_argument(
        "file", type=Path, help="arenas, released RL rows, a data set, or upstream's steps 4 and 5"
    )
    verify.add_argument("--json", type=Path, metavar="OUT", help="also write all results here")
    verify.add_argument("--out", type=Path, metavar="FILE", help="write the proved arenas here, for training")
    takes_sandbox_level(verify)


def _add_stats(arenas: Any) -> None:
    stats = verb(
        arenas,
        "stats",
        _stats,
        "measure the arenas of a file: scenarios, depth, width, tools, schema size, answers",
        "astra arenas stats runs/quickstart/arenas/rl.jsonl --measures measures.jsonl",
    )
    stats.add_argument("file", type=Path, help="arenas, or released RL rows")
    stats.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FILE",
        help="a `tokenizer.json` that counts schemas; default: words and marks",
    )
    stats.add_argument("--measures", type=Path, metavar="OUT", help="also write what each arena measures")


def _add_select(arenas: Any) -> None:
    select = verb(
        arenas,
        "select",
        _select,
        "proved arenas without near-duplicates and benchmark prompts, sampled to a mix of scenarios",
        "astra arenas select runs/arenas_procedural/arenas.jsonl --out selected.jsonl --mix paper --size 100",
    )
    select.add_argument("file", type=Path, help="proved arenas")
    select.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the selected arenas go"
    )
    select.add_argument(
        "--mix", default="none", help="paper, none, or a JSON file of shares (default: %(default)s)"
    )
    select.add_argument("--size", type=int, metavar="N", help="how many; default: as many as the mix allows")
    select.add_argument("--seed", type=int, default=0, help="of the sample (default: %(default)s)")
    select.add_argument(
        "--near",
        default="0.8",
        help="similarity of shingles that makes a duplicate, or none (default: %(default)s)",
    )
    select.add_argument("--near-meaning", type=float, metavar="COSINE", help="the same of embedded questions")
    select.add_argument(
        "--decontaminate",
        default="bfcl,tau2,acebench",
        metavar="NAMES",
        help="benchmarks to keep away from, where they are installed, or NAME=FOLDER; none (default: %(default)s)",
    )
    select.add_argument("--rejects", type=Path, metavar="FILE", help="where all others go, with reasons")
    _takes_embedder(select, "none")


def _add_distract(arenas: Any) -> None:
    distract = verb(
        arenas,
        "distract",
        _distract,
        "add unneeded tools of other domains by similarity, as the paper does, and prove again",
        "astra arenas distract selected.jsonl --out mixed.jsonl --per-band 2 --seed 1",
    )
    distract.add_argument("file", type=Path, help="arenas")
    distract.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where the proved arenas go"
    )
    distract.add_argument(
        "--pool", type=Path, nargs="+", default=(), metavar="FILE", help="arenas whose tools to add"
    )
    distract.add_argument(
        "--per-band", type=int, metavar="K", help="at most so many of each of the three bands"
    )
    distract.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    _takes_embedder(distract, "minilm")
    takes_sandbox_level(distract)


def _add_convert(arenas: Any) -> None:
    convert = verb(
        arenas,
        "convert",
        _convert,
        "between arenas, released RL rows, upstream's records and Hugging Face data sets",
        "astra arenas convert arenas.jsonl dataset --to dataset --license questions=Apache-2.0",
    )
    convert.add_argument(
        "file", type=Path, help="arenas, RL rows, a data set's folder, or upstream's steps 4 and 5"
    )
    convert.add_argument("out", type=Path, help="the file or folder to write")
    convert.add_argument(
        "--to", required=True, choices=["arenas", "rl_rows", "dataset"], help="the format to write"
    )
    convert.add_argument(
        "--held-out", type=Path, metavar="FILE", help="dataset: the arenas of a second split"
    )
    convert.add_argument("--name", help="dataset: its title")
    convert.add_argument(
        "--license",
        nargs="+",
        default=(),
        metavar="NAME=SPDX",
        help="dataset: of the inputs; or a JSON file of these",
    )


def _takes_embedder(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--embedder", default=default, help="minilm, the URL of a server, or none (default: %(default)s)"
    )
    parser.add_argument(
        "--embedding-model", default="", metavar="NAME", help="what that server calls its model"
    )


def _verify(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.arenas import verify_file
    from data_synthesis.interop import read_arenas
    from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

    with LocalSandbox(ConfinementLevel[arguments.sandbox_level]) as sandbox:
        console.print(sandbox.describe())
        return verify_file(
            arguments.file,
            sandbox,
            reader=read_arenas,
            json_out=arguments.json,
            proved_out=arguments.out,
            console=console,
        )


def _stats(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.selection import stats_file, tokens_of
    from data_synthesis.selection.schema_size import WORDS_AND_MARKS

    unit = tokens_of(arguments.tokenizer) if arguments.tokenizer else WORDS_AND_MARKS
    return stats_file(arguments.file, unit=unit, measures_out=arguments.measures, console=console)


def _select(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.selection import read_mix, select_file
    from data_synthesis.selection.select import NEAR_MEANING

    return select_file(
        arguments.file,
        arguments.out,
        mix=read_mix(arguments.mix),
        size=arguments.size,
        seed=arguments.seed,
        near=_threshold(arguments.near),
        embedder=_embedder(arguments),
        near_meaning=NEAR_MEANING if arguments.near_meaning is None else arguments.near_meaning,
        benchmarks=() if arguments.decontaminate == "none" else arguments.decontaminate.split(","),
        rejects=arguments.rejects,
        console=console,
    )


def _distract(arguments: argparse.Namespace, console: Console) -> int:
    from astra_jax.training.settings import BadSetting
    from data_synthesis.arenas.bands import BandSettings
    from data_synthesis.arenas.distract import distract_file
    from data_synthesis.interop import read_arenas
    from data_synthesis.sandbox import ConfinementLevel, LocalSandbox

    embedder = _embedder(arguments)
    if embedder is None:
        raise BadSetting("bands are of similarity: --embedder must be minilm or the URL of a server")
    try:
        settings = BandSettings() if arguments.per_band is None else BandSettings(per_band=arguments.per_band)
    except ValueError as error:
        raise BadSetting(f"--per-band: {error}") from error
    with LocalSandbox(ConfinementLevel[arguments.sandbox_level]) as sandbox:
        return distract_file(
            arguments.file,
            arguments.out,
            sandbox,
            embedder,
            pool=arguments.pool,
            settings=settings,
            seed=arguments.seed,
            reader=read_arenas,
            console=console,
        )


def _convert(arguments: argparse.Namespace, console: Console) -> int:
    from data_synthesis.interop import convert_file, given_licences

    return convert_file(
        arguments.file,
        arguments.out,
        to=arguments.to,
        held_out=arguments.held_out,
        name=arguments.name,
        licences=given_licences(arguments.license),
        console=console,
    )


def _threshold(text: str) -> float | None:
    from astra_jax.training.settings import BadSetting

    try:
        return None if text == "none" else float(text)
    except ValueError as error:
        raise BadSetting(f"--near is a similarity between 0 and 1, or none; not {text!r}") from error


def _embedder(arguments: argparse.Namespace) -> Any:
    from data_synthesis.embedding import open_embedder

    return (
        None
        if arguments.embedder == "none"
        else open_embedder(arguments.embedder, model=arguments.embedding_model)
    )
