"""What a run left different in its folder: files, rows of SQLite databases, commits and refs of git repositories.

Texts say `/workspace` for the folder: its path is another one in every run.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from data_synthesis.mcp.folder import shown
from data_synthesis.records import StateChange

_EXCERPT = 2000  # characters of a file's text
_READ_FOR_IT = 16 * _EXCERPT  # bytes: of up to four a character, and paths get shorter
_MOST_ROWS = 10_000  # of a table that are compared
_MOST_CHANGES = 500  # that are told
_GIT_SECONDS = 10.0
# A run may have written the repository's configuration: nothing in it may start a program, fetch, or see our keys.
_HARMLESS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.pager=cat"),
    *("-c", "log.showSignature=false"),
)
_GIT_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}
_SQLITE = b"SQLite format 3\x00"
_SQLITE_COMPANIONS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Snapshot:
    """Files by path, with digest and excerpt; rows by database and table, counted; commits by repository; refs by
    repository and name, with what they stand for.
    """

    files: dict[str, tuple[str, str]]
    rows: dict[str, Counter[str]]
    commits: dict[str, tuple[str, ...]]
    refs: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> Snapshot:
        """Blocks: reads the whole folder. What cannot be read is left out."""
        files: dict[str, tuple[str, str]] = {}
        rows: dict[str, Counter[str]] = {}
        for path in _files(folder):
            name = _name(path, folder)
            content = _content(path)
            if content is None:
                continue
            if content.startswith(_SQLITE):
                rows |= {f"{name}:{table}": found for table, found in _tables(path, folder)}
            else:
                text = shown(content[:_READ_FOR_IT].decode(errors="replace"), folder)
                files[name] = (hashlib.sha256(content).hexdigest(), text[:_EXCERPT])
        repositories = sorted(path.parent for path in folder.rglob(".git"))
        commits = {_name(each, folder): _log(each, folder) for each in repositories}
        refs = {
            f"{_name(each, folder)}:{ref}": said for each in repositories for ref, said in _refs(each, folder)
        }
        return cls(files, rows, commits, refs)


def changes(before: Snapshot, after: Snapshot) -> list[StateChange]:
    """In the order of kinds and names, at most 500."""
    kinds = (_file_changes, _row_changes, _commit_changes, _ref_changes)
    return [change for kind in kinds for change in kind(before, after)][:_MOST_CHANGES]


def _file_changes(before: Snapshot, after: Snapshot) -> Iterator[StateChange]:
    for name in sorted({*before.files, *after.files}):
        old, new = before.files.get(name), after.files.get(name)
        if old != new:
            yield StateChange(what="file", name=name, before=old and old[1], after=new and new[1])


def _row_changes(before: Snapshot, after: Snapshot) -> Iterator[StateChange]:
    for table in sorted({*before.rows, *after.rows}):
        old, new = before.rows.get(table, Counter()), after.rows.get(table, Counter())
        for row in sorted((old - new).elements()):
            yield StateChange(what="row", name=table, before=row)
        for row in sorted((new - old).elements()):
            yield StateChange(what="row", name=table, after=row)


def _commit_changes(before: Snapshot, after: Snapshot) -> Iterator[StateChange]:
    for repository in sorted({*before.commits, *after.commits}):
        old, new = before.commits.get(repository, ()), after.commits.get(repository, ())
        for commit in old:
            if commit not in new:
                yield StateChange(what="commit", name=repository, before=commit)
        for commit in new:
            if commit not in old:
                yield StateChange(what="commit", name=repository, after=commit)


def _ref_changes(before: Snapshot, after: Snapshot) -> Iterator[StateChange]:
    for name in sorted({*before.refs, *after.refs}):
        old, new = before.refs.get(name), after.refs.get(name)
        if old != new:
            yield StateChange(what="ref", name=name, before=old, after=new)


def _files(folder: Path) -> list[Path]:
    """Without what belongs to git or to a database's journal."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and ".git" not in path.relative_to(folder).parts
        and not path.name.endswith(_SQLITE_COMPANIONS)
    )


def _name(path: Path, folder: Path) -> str:
    return shown(path.relative_to(folder).as_posix(), folder)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _tables(path: Path, folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)) as db:
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for (name,) in names:
                quoted = name.replace('"', '""')
                rows = db.execute(f'SELECT * FROM "{quoted}" LIMIT {_MOST_ROWS}').fetchall()
                yield shown(name, folder), Counter(shown(repr(row), folder) for row in rows)
    except sqlite3.Error:
        return


def _log(repository: Path, folder: Path) -> tuple[str, ...]:
    """The subjects and authors of all commits, the oldest first. Hashes hold the time, so they are left out."""
    return tuple(_git(repository, folder, "log", "--all", "--reverse", "--format=%an: %s").splitlines())


def _refs(repository: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Branches and tags with the subjects of their commits; what is checked out; the staged paths, where there are."""
    for line in _git(
        repository, folder, "for-each-ref", "--format=%(refname) %(contents:subject)"
    ).splitlines():
        name, _, subject = line.partition(" ")
        yield name, subject
    if head := _git(repository, folder, "symbolic-ref", "--quiet", "HEAD").strip():
        yield "HEAD", head
    if staged := _git(repository, folder, "diff", "--cached", "--name-status", "--no-ext-diff").strip():
        yield "index", staged[:_EXCERPT]


def _git(repository: Path, folder: Path, *words: str) -> str:
    """What git says; nothing where it fails."""
    command = ["git", "-C", str(repository), *_HARMLESS, *words]
    environment = {"PATH": os.environ.get("PATH", os.defpath), **_GIT_ENVIRONMENT}
    environment["GIT_CEILING_DIRECTORIES"] = str(repository.parent)  # what is none is not sought above
    try:
        ran = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return ""
    return shown(ran.stdout.decode(errors="replace"), folder)
