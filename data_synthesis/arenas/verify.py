"""Proves a file of arenas and says why those that fail do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from data_synthesis.arenas.proof import prove_all
from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.records import Arena, BadRecord, Check, write_records
from data_synthesis.sandbox.interface import Sandbox, SandboxUnavailable

_SHOWN = 5  # failing arenas in the terminal; the JSON file has all


def verify_file(
    path: str | Path,
    sandbox: Sandbox,
    *,
    json_out: str | Path | None = None,
    proved_out: str | Path | None = None,
    console: Console | None = None,
    workers: int = 2,
) -> int:
    """Proves every arena of a JSONL file of `Arena` records or released RL rows, and prints a table of reasons.

    Args:
        json_out: where to write all results as JSON.
        proved_out: where to write the arenas that are proved, with their reports, for training. Their ids are
            those of the content that was proved, whatever the file called them.
        workers: arenas proved at a time.

    Returns:
        The exit status: 0 when all are proved, 1 when one fails, 2 when that is unknown because the file cannot be
        read, is empty, or the sandbox failed.
    """
    console = console or Console()
    try:
        arenas = list(read_arenas(path))
        proofs = prove_all(arenas, sandbox, workers)
        proved = list(track(proofs, "proving arenas", total=len(arenas), console=console, transient=True))
    except (OSError, BadRecord, SandboxUnavailable) as error:
        console.print(f"cannot verify {path}: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    if not proved:
        console.print(f"cannot verify {path}: it holds no arena", style="red", markup=False, soft_wrap=True)
        return 2
    summary = summarise(proved)
    _print(console, proved, summary)
    if proved_out is not None:
        accepted = [arena for arena in proved if not _failed(arena)]
        write_records(proved_out, (a.model_copy(update={"id": a.content_id()}) for a in accepted))
    if json_out is not None:
        Path(json_out).parent.mkdir(parents=True, exist_ok=True)
        Path(json_out).write_text(
            json.dumps({"file": str(path), **summary}, indent=2, ensure_ascii=False) + "\n"
        )
    return 1 if summary["failed"] else 0


def summarise(proved: Sequence[Arena]) -> dict[str, Any]:
    """Counts by reason, and each failing arena with its failed checks, in the order of the file."""
    failing = [(position, arena) for position, arena in enumerate(proved, 1) if _failed(arena)]
    reasons = Counter(reason for _, arena in failing for reason in {check.reason for check in _failed(arena)})
    return {
        "arenas": len(proved),
        "passed": len(proved) - len(failing),
        "failed": len(failing),
        "reasons": dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        "failures": [
            {
                "position": position,
                "id": arena.id,
                "domain": arena.domain,
                "question": arena.question,
                "checks": [check.model_dump() for check in _failed(arena)],
            }
            for position, arena in failing
        ],
    }


def _failed(arena: Arena) -> list[Check]:
    assert arena.verification is not None
    return [check for check in arena.verification.checks if not check.passed]


def _print(console: Console, proved: Sequence[Arena], summary: dict[str, Any]) -> None:
    if summary["reasons"]:
        reasons = Table("reason", "arenas", title="why arenas fail")
        for reason, count in summary["reasons"].items():
            reasons.add_row(reason, str(count))
        console.print(reasons)
        for failure in summary["failures"][:_SHOWN]:
            console.print(f"{failure['position']}. {failure['id']} {failure['question']}", markup=False)
            for check in failure["checks"]:
                console.print(f"   {check['reason']}: {check['detail']}", markup=False)
        if summary["failed"] > _SHOWN:
            console.print(f"and {summary['failed'] - _SHOWN} more")
    console.print(f"{summary['passed']} of {summary['arenas']} arenas proved")
