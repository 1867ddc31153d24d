"""Proves a file of arenas and says why those that fail do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from errno import EISDIR
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import track

from data_synthesis.arenas.funnel import CheckCount, funnel, table
from data_synthesis.arenas.proof import prove_all
from data_synthesis.arenas.rl_rows import read_arenas
from data_synthesis.records import UNREADABLE, Arena, BadRecord, Check, write_records
from data_synthesis.sandbox.interface import Sandbox, SandboxUnavailable

_SHOWN = 5  # failing arenas in the terminal; the JSON file has all


class Reader(Protocol):
    """Yields the arenas of a file. What cannot be read as one is appended to `rejects`."""

    def __call__(self, path: str | Path, *, rejects: list[BadRecord] | None) -> Iterable[Arena]: ...


def verify_file(
    path: str | Path,
    sandbox: Sandbox,
    *,
    reader: Reader = read_arenas,
    json_out: str | Path | None = None,
    proved_out: str | Path | None = None,
    console: Console | None = None,
    workers: int = 2,
) -> int:
    """Proves every arena of a file and prints a funnel of the checks. A record that is no arena fails, with its reason.

    Args:
        reader: knows the format. The default reads `Arena` records and released RL rows.
        json_out: where to write all results as JSON.
        proved_out: where to write the arenas that are proved, with their reports, for training. Their ids are
            those of the content that was proved, whatever the file called them.
        workers: arenas proved at a time.

    Returns:
        The exit status: 0 when all are proved, 1 when one fails, 2 when that is unknown because no record of the
        file can be read, or the sandbox failed.
    """
    console = console or Console()
    rejects: list[BadRecord] = []
    try:
        for out in filter(None, (json_out, proved_out)):
            _check_writable(Path(out))  # before the work, not after it
        arenas = list(reader(path, rejects=rejects))
        _check_readable(arenas, rejects)
        proofs = prove_all(arenas, sandbox, workers)
        proved = list(track(proofs, "proving arenas", total=len(arenas), console=console, transient=True))
    except (OSError, BadRecord, SandboxUnavailable) as error:
        console.print(f"cannot verify {path}: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    if not proved and not rejects:
        console.print(f"cannot verify {path}: it holds no arena", style="red", markup=False, soft_wrap=True)
        return 2
    summary = summarise(proved, rejects)
    _print(console, summary)
    if proved_out is not None:
        accepted = [arena for arena in proved if not _failed(arena)]
        write_records(proved_out, (a.model_copy(update={"id": a.content_id()}) for a in accepted))
    if json_out is not None:
        Path(json_out).write_text(
            json.dumps({"file": str(path), **summary}, indent=2, ensure_ascii=False) + "\n"
        )
    return 1 if summary["failed"] else 0


def _check_writable(path: Path) -> None:
    """
    Raises:
        OSError: nothing can be written there; names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(EISDIR, "is a folder", str(path))
    partial = path.with_name(path.name + ".partial")
    partial.touch()
    partial.unlink()


def summarise(proved: Sequence[Arena], rejects: Sequence[BadRecord] = ()) -> dict[str, Any]:
    """Counts by reason, each failing arena with its failed checks, in the order of the file, and what is no arena.

    `position` counts the arenas that could be read.
    """
    failing = [(position, arena) for position, arena in enumerate(proved, 1) if _failed(arena)]
    reasons = Counter(reason for _, arena in failing for reason in {check.reason for check in _failed(arena)})
    reasons.update(bad.reason for bad in rejects)
    return {
        "arenas": len(proved) + len(rejects),
        "passed": len(proved) - len(failing),
        "failed": len(failing) + len(rejects),
        "funnel": [asdict(count) for count in funnel(proved, rejects)],
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
        "no_arenas": [
            {
                "file": str(bad.path),
                "line": bad.line,
                "field": bad.field,
                "reason": bad.reason,
                "detail": bad.problem,
            }
            for bad in rejects
        ],
    }


def _check_readable(arenas: Sequence[Arena], rejects: Sequence[BadRecord]) -> None:
    if not arenas and rejects and all(bad.reason == UNREADABLE for bad in rejects):
        raise rejects[0]


def _failed(arena: Arena) -> list[Check]:
    assert arena.verification is not None
    return [check for check in arena.verification.checks if not check.passed]


def _print(console: Console, summary: dict[str, Any]) -> None:
    if summary["reasons"]:
        console.print(table(CheckCount(**count) for count in summary["funnel"]))
        for failure in summary["failures"][:_SHOWN]:
            console.print(f"{failure['position']}. {failure['id']} {failure['question']}", markup=False)
            for check in failure["checks"]:
                console.print(f"   {check['reason']}: {check['detail']}", markup=False)
        for bad in summary["no_arenas"][:_SHOWN]:
            where = f"{bad['file']}:{bad['line']}" + (f": field `{bad['field']}`" if bad["field"] else "")
            console.print(f"{where}: {bad['reason']}: {bad['detail']}", markup=False, soft_wrap=True)
        shown = sum(min(len(summary[kind]), _SHOWN) for kind in ("failures", "no_arenas"))
        if summary["failed"] > shown:
            console.print(f"and {summary['failed'] - shown} more")
    console.print(f"{summary['passed']} of {summary['arenas']} arenas proved")
