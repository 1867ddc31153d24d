"""What is written is there for the next run, and for another process beside this one."""

from __future__ import annotations

import pytest

from data_synthesis.teacher.server.ledger import Ledger, Request


def request(outcome: str = "held", cost: float = 1.5) -> Request:
    return Request("add", outcome, 10, 5, 0.5, cost)  # type: ignore[arg-type]


def test_replies_and_costs_outlive_the_process(tmp_path):
    first = Ledger(tmp_path / "deep" / "teacher.sqlite")
    first.add(request(), "key", '{"total": 1}')
    first.add(request("refused"))
    first.close()
    again = Ledger(tmp_path / "deep" / "teacher.sqlite")
    assert again.reply("key") == '{"total": 1}'
    assert again.reply("other") is None
    assert again.spent == 3.0
    assert again.usage() == {
        "add": {
            "requests": 2,
            "refused": 1,
            "input_tokens": 20,
            "output_tokens": 10,
            "seconds": 1.0,
            "cost": 3.0,
        }
    }


def test_two_writers_share_one_file(tmp_path):
    one, other = (Ledger(tmp_path / "teacher.sqlite") for _ in range(2))
    one.add(request(), "a", "1")
    other.add(request(), "b", "2")
    assert (one.reply("b"), other.reply("a")) == ("2", "1")
    assert one.usage()["add"]["requests"] == 2


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "teacher.sqlite").write_text("not a database, " * 100)
    with pytest.raises(OSError, match=r"cannot keep replies in .*teacher.sqlite: file is not a database"):
        Ledger(tmp_path / "teacher.sqlite")


def add(path, key: str, *, part: bool) -> Ledger:
    ledger = Ledger(path, part=part)
    ledger.add(request(), key, f'"{key}"')
    return ledger


def test_a_part_knows_what_the_ledger_knew_and_the_ledger_takes_it_over(tmp_path):
    path = tmp_path / "teacher.sqlite"
    add(path, "old", part=False).close()
    parts = [add(path, name, part=True) for name in ("a", "b")]
    assert [part.reply("old") for part in parts] == ['"old"'] * 2
    assert parts[0].reply("b") is None
    for part in parts:
        part.close()
    again = Ledger(path)
    assert [again.reply(key) for key in ("old", "a", "b")] == ['"old"', '"a"', '"b"']
    assert (again.spent, again.usage()["add"]["requests"]) == (4.5, 3)
    assert list(tmp_path.glob("*.part*")) == []
    assert Ledger(path, part=True).reply("a") == '"a"'


def test_what_is_forgotten_is_asked_again_and_stays_paid(tmp_path):
    path = tmp_path / "teacher.sqlite"
    ledger = add(path, "a", part=False)
    ledger.forget("a")
    ledger.forget("never known")
    assert (ledger.reply("a"), ledger.reply("never known"), ledger.spent) == (None, None, 1.5)
    ledger.add(request(), "a", "2")
    assert ledger.reply("a") == "2"


def test_a_part_forgets_what_the_ledger_knew_and_may_know_better(tmp_path):
    path = tmp_path / "teacher.sqlite"
    for name in ("a", "b", "c"):
        add(path, name, part=False).close()
    part = Ledger(path, part=True)
    part.forget("a")
    part.forget("b")
    part.add(request(), "b", "2")
    assert [part.reply(key) for key in ("a", "b", "c")] == [None, "2", '"c"']
    part.close()
    assert [Ledger(path).reply(key) for key in ("a", "b", "c")] == [None, "2", '"c"']


def test_a_part_that_is_being_written_is_left_alone(tmp_path):
    path = tmp_path / "teacher.sqlite"
    part = add(path, "a", part=True)
    whole = Ledger(path)
    assert whole.reply("a") is None
    part.add(request(), "b", '"b"')
    part.close()
    assert whole.usage()["add"]["requests"] == 2
    assert whole.reply("b") == '"b"'


def test_a_part_that_was_taken_over_and_not_removed_counts_once(tmp_path):
    path = tmp_path / "teacher.sqlite"
    part = add(path, "a", part=True)
    part.close()
    copy = part.path.read_bytes()
    assert Ledger(path).usage()["add"]["requests"] == 1
    part.path.write_bytes(copy)
    assert Ledger(path).usage()["add"]["requests"] == 1
    assert not part.path.exists()


def test_a_part_that_was_killed_before_it_began_is_removed(tmp_path):
    (tmp_path / "teacher.sqlite.0.part").write_bytes(b"")
    assert Ledger(tmp_path / "teacher.sqlite").usage() == {}
    assert list(tmp_path.glob("*.part*")) == []
