"""What a pipeline leaves beside its output: how many it refused, and what its teacher cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from data_synthesis.pipeline import Funnel, PipelineError


def funnel_beside(path: Path) -> Funnel | None:
    """The `NAME.funnel.json` of a file `NAME.jsonl`, or else the `funnel.json` beside it, if there is one.

    Raises:
        PipelineError: it is no funnel.
    """
    own = funnel_path(path)
    path = own if own.exists() else path.with_name("funnel.json")
    try:
        return Funnel.model_validate_json(path.read_bytes()) if path.exists() else None
    except ValidationError as error:
        raise PipelineError(f"{path} is no funnel: {error.errors()[0]['msg']}") from error


def funnel_path(path: Path) -> Path:
    """Where a file has a funnel of its own."""
    return path.with_name(f"{path.stem}.funnel.json")


def usage_beside(path: Path) -> Mapping[str, Mapping[str, Any]] | None:
    """What the ledgers beside a file say of costs, if there is one: `teacher.sqlite`, or one for each server.

    Returns:
        As `Ledger.usage`. Where several servers answered, a prompt is named with its server.

    Raises:
        PipelineError: a package is missing.
    """
    servers = sorted(path.parent.glob("server_*.sqlite"))
    ledgers = [each for each in (path.with_name("teacher.sqlite"), *servers) if each.exists()]
    if not ledgers:
        return None
    usage = {each: _usage(each) for each in ledgers}
    if len(ledgers) == 1:
        return usage[ledgers[0]]
    return {
        f"{each.stem.removeprefix('server_')}: {prompt}": counts
        for each, prompts in usage.items()
        for prompt, counts in prompts.items()
    }


def _usage(path: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        from data_synthesis.teacher.server.ledger import Ledger
    except ImportError as error:
        raise PipelineError(f"reading {path} needs pip install 'astra-jax[synthesis]'") from error
    ledger = Ledger(path)
    try:
        return ledger.usage()
    finally:
        ledger.close()
