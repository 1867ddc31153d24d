import sqlite3
import subprocess
from contextlib import closing

from data_synthesis.mcp import Snapshot, changes


def changed(folder, *, work):
    before = Snapshot.of(folder)
    work()
    return changes(before, Snapshot.of(folder))


def test_nothing_done_is_nothing_changed(tmp_path):
    (tmp_path / "a").write_text("a")
    assert changed(tmp_path, work=lambda: None) == []


def test_files_are_told_with_what_was_and_is_in_them(tmp_path):
    (tmp_path / "old").write_text("old")
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "gone").write_text("gone")

    def work():
        (tmp_path / "old").write_text("new")
        (tmp_path / "gone").unlink()
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "fresh").write_bytes(b"\xff" + b"x" * 10_000)

    found = {change.name: (change.before, change.after) for change in changed(tmp_path, work=work)}
    assert found["old"] == ("old", "new")
    assert found["gone"] == ("gone", None)
    assert found["sub/fresh"][0] is None
    assert len(found["sub/fresh"][1]) == 2000
    assert "kept" not in found


def test_a_database_is_told_by_its_rows_and_not_as_a_file(tmp_path):
    path = tmp_path / "shop.db"

    def run(*statements):
        with closing(sqlite3.connect(path)) as db, db:
            for statement in statements:
                db.execute(statement)

    run('CREATE TABLE "odd ""name" (a, b)', 'INSERT INTO "odd ""name" VALUES (1, 2), (1, 2), (3, 4)')
    found = changed(
        tmp_path,
        work=lambda: run(
            'DELETE FROM "odd ""name" WHERE rowid = 1',
            'INSERT INTO "odd ""name" VALUES (5, NULL)',
            "CREATE TABLE t (x)",
        ),
    )
    assert [(c.what, c.name, c.before, c.after) for c in found] == [
        ("row", 'shop.db:odd "name', "(1, 2)", None),
        ("row", 'shop.db:odd "name', None, "(5, None)"),
    ]


def test_a_repository_is_told_by_its_commits(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "first")

    def work():
        (tmp_path / "a").write_text("2")
        git("commit", "-qam", "second")

    found = changed(tmp_path, work=work)
    assert [(c.what, c.after) for c in found] == [("file", "2"), ("commit", "Ann: second"), ("ref", "second")]

    def prepare():
        (tmp_path / "b").write_text("3")
        git("add", "b")
        git("checkout", "-qb", "next")
        git("tag", "v1")

    found = changed(tmp_path, work=prepare)
    assert [(c.what, c.name.rpartition(":")[2], c.before, c.after) for c in found] == [
        ("file", "b", None, "3"),
        ("ref", "HEAD", "refs/heads/main", "refs/heads/next"),
        ("ref", "index", None, "A\tb"),
        ("ref", "refs/heads/next", None, "second"),
        ("ref", "refs/tags/v1", None, "second"),
    ]


def test_what_a_run_wrote_is_told_without_the_folders_path(tmp_path):
    def work():
        (tmp_path / "a.txt").write_text(f"saved in {tmp_path}/out " + f"{tmp_path} " * 300)
        with closing(sqlite3.connect(tmp_path / "b.db")) as db, db:
            db.execute("CREATE TABLE t (x)")
            db.execute("INSERT INTO t VALUES (?)", (f"{tmp_path}/c",))

    file, row = changed(tmp_path, work=work)
    assert file.after == ("saved in /workspace/out " + "/workspace " * 300)[:2000]
    assert row.after == "('/workspace/c',)"


def test_a_repositorys_configuration_starts_nothing_and_sees_no_keys(tmp_path, monkeypatch):
    repository, seen = tmp_path / "repository", tmp_path / "seen"
    repository.mkdir()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv >> {seen}\n")
    program.chmod(0o755)

    def git(*words, **how):
        identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        words = ["git", "-C", str(repository), *identity, *words]
        return subprocess.run(words, check=True, capture_output=True, **how).stdout.decode().strip()

    git("init", "-q")
    tree = git("hash-object", "-t", "tree", "-w", "/dev/null")
    who = "Ann <ann@example.org> 1700000000 +0000"
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----"
    signed = f"tree {tree}\nauthor {who}\ncommitter {who}\n{signature}\n\nfirst\n"
    commit = git("hash-object", "-t", "commit", "-w", "--stdin", input=signed.encode())
    git("update-ref", "refs/heads/main", commit)
    git("config", "log.showSignature", "true")
    for name in ("gpg.program", "core.fsmonitor", "core.pager"):
        git("config", name, str(program))
    seen.unlink(missing_ok=True)
    monkeypatch.setenv("GIT_TRACE", str(seen))  # as all of our environment, nothing that git may have
    assert Snapshot.of(tmp_path).commits == {"repository": ("Ann: first",)}
    assert not seen.exists()


def test_what_only_looks_like_a_repository_is_not_the_one_around_it(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    words = ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "outer"]
    subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    folder = tmp_path / "folder"
    (folder / ".git").mkdir(parents=True)
    assert Snapshot.of(folder).commits == {".": ()}


def test_what_cannot_be_read_is_left_out(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\x00 and then nothing")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert Snapshot.of(tmp_path).files == {}
