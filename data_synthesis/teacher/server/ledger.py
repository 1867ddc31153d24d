"""What was asked, what it cost, and the answers that held: one SQLite file, safe to kill and to share.

Processes of one machine may share a ledger. Those of several must not, as SQLite shares memory between its users:
each writes a part of its own and only reads the ledger, which takes the parts over before and after.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.table import Table

from data_synthesis.teacher.interface import TeacherGone

_SCHEMA = """
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS merged (part TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS requests (
    prompt TEXT NOT NULL, outcome TEXT NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL, cost REAL NOT NULL
);
"""
_COUNTS = ("requests", "refused", "input_tokens", "output_tokens", "seconds", "cost")


@dataclass(frozen=True)
class Request:
    """One request that a server answered, usable or not. Tokens as the server counts them, cost in its currency."""

    prompt: str
    outcome: Literal["held", "refused"]
    input_tokens: int
    output_tokens: int
    seconds: float
    cost: float


class Ledger:
    """Requests and replies of all runs in one folder.

    Args:
        part: whether to write a part of the ledger, and only read the rest. The ledger takes over the parts beside
            it that nobody writes any more when it is opened, and when it is asked for its usage.

    Raises:
        OSError: the file cannot be made; names it.
        TeacherGone: from `reply` and `add`, where it cannot be used any more, as on a full disk.
    """

    def __init__(self, path: str | Path, *, part: bool = False):
        whole = Path(path).absolute()
        self.path = whole.with_name(f"{whole.name}.{uuid.uuid4().hex}.part") if part else whole
        self._replies = "SELECT reply FROM replies WHERE key = :key"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(self.path.as_uri(), uri=True, timeout=30.0)
            if part:
                self._open_beside(whole)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"cannot keep replies in {self.path}: {error}") from error
        self._is_part = part
        self._take_over_parts()
        self.spent: float = self._db.execute("SELECT COALESCE(SUM(cost), 0) FROM requests").fetchone()[0]

    def _open_beside(self, whole: Path) -> None:
        """Locks the part for as long as it is open, which also spares SQLite the memory that machines cannot share."""
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        if whole.exists():
            self._db.execute("ATTACH ? AS known", (f"{whole.as_uri()}?immutable=1",))
            self._replies += " UNION ALL SELECT reply FROM known.replies WHERE key = :key"

    def close(self) -> None:
        self._db.close()

    def reply(self, key: str) -> str | None:
        """The answer to a question that was answered before."""
        with self._usable():
            row = self._db.execute(self._replies, {"key": key}).fetchone()
        return (row[0] or None) if row else None

    def add(self, request: Request, key: str = "", reply: str = "") -> None:
        """Counts a request; keeps its reply where it held."""
        self.spent += request.cost
        with self._usable(), self._db:
            self._db.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)", astuple(request))
            if request.outcome == "held":
                self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, reply))

    def forget(self, key: str) -> None:
        """Leaves an empty reply, which stands for none: a part cannot delete what the ledger holds."""
        with self._usable(), self._db:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, '')", (key,))

    def _take_over_parts(self) -> None:
        if self._is_part:
            return
        with self._usable():
            self._db.execute("PRAGMA busy_timeout=0")
            for part in self.path.parent.glob(f"{self.path.name}.*.part"):
                if self._took_over(part):
                    for suffix in ("", "-wal", "-shm"):
                        part.with_name(part.name + suffix).unlink(missing_ok=True)
            self._db.execute("PRAGMA busy_timeout=30000")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # parts are opened beside this file alone

    def _took_over(self, part: Path) -> bool:
        """Whether its content is here now. It is not where somebody still writes it."""
        try:
            self._db.execute("ATTACH ? AS part", (part.as_uri(),))
            try:
                self._copy(part.name)
            finally:
                self._db.execute("DETACH part")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise
        return True

    def _copy(self, part: str) -> None:
        """Once, also where an earlier attempt was killed before the part was removed."""
        with self._db:
            begun = self._db.execute("SELECT 1 FROM part.sqlite_master WHERE name = 'requests'").fetchone()
            copied = self._db.execute("SELECT 1 FROM merged WHERE part = ?", (part,)).fetchone()
            if begun and not copied:
                self._db.execute("INSERT OR REPLACE INTO replies SELECT * FROM part.replies")
                self._db.execute("INSERT INTO requests SELECT * FROM part.requests")
                self._db.execute("INSERT INTO merged VALUES (?)", (part,))

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TeacherGone(
                f"cannot keep replies in {self.path}: {error}; what was answered before is kept, "
                "so run the same command again once it can be written"
            ) from error

    def usage(self) -> dict[str, Mapping[str, Any]]:
        """Requests, refused ones, tokens, seconds and cost by prompt, over all runs."""
        self._take_over_parts()
        rows = self._db.execute(
            "SELECT prompt, COUNT(*), SUM(outcome = 'refused'), SUM(input_tokens), SUM(output_tokens),"
            " SUM(seconds), SUM(cost) FROM requests GROUP BY prompt ORDER BY prompt"
        )
        return {prompt: dict(zip(_COUNTS, counts, strict=True)) for prompt, *counts in rows}


def usage_table(
    usage: Mapping[str, Mapping[str, Any]], title: str = "what the teacher was asked, over all runs"
) -> Table:
    """`Ledger.usage` for people, with a line for the whole."""
    table = Table("prompt", title=title)
    for column in ("requests", "refused", "tokens in", "tokens out", "seconds", "cost"):
        table.add_column(column, justify="right")
    total = {name: sum(counts[name] for counts in usage.values()) for name in _COUNTS}
    for prompt, counts in {**usage, "all": total}.items():
        whole, parts = [counts[name] for name in _COUNTS[:4]], (counts["seconds"], counts["cost"])
        table.add_row(prompt, *(f"{n:,}" for n in whole), f"{parts[0]:,.0f}", f"{parts[1]:,.4g}")
    return table
