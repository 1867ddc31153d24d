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
