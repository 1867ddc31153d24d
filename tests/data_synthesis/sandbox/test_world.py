"""Other surroundings for the same tools: another hash seed, another clock, another time zone."""

from __future__ import annotations

import time

import pytest

from data_synthesis.sandbox import ELSEWHERE, ORDINARY, LocalSandbox, SandboxUnavailable, World, warm

CLOCKS = {
    "time.time()": "seconds",
    "time.time_ns() / 1e9": "seconds",
    "time.clock_gettime(time.CLOCK_REALTIME)": "seconds",
    "time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9": "seconds",
    "calendar.timegm(time.gmtime())": "seconds",
    "calendar.timegm(time.gmtime(None))": "seconds",
    "time.mktime(time.localtime())": "seconds",
    "time.mktime(time.strptime(time.ctime()))": "seconds",
    "time.mktime(time.strptime(time.asctime()))": "seconds",
    "int(time.strftime('%s'))": "seconds",
    "datetime.datetime.now().timestamp()": "seconds",
    "datetime.datetime.now(datetime.timezone.utc).timestamp()": "seconds",
    "datetime.datetime.now(tz=datetime.timezone.utc).timestamp()": "seconds",
    "datetime.datetime.today().timestamp()": "seconds",
    "datetime.datetime.utcnow().replace(tzinfo=datetime.timezone.utc).timestamp()": "seconds",
    "type('D', (datetime.datetime,), {}).now().timestamp()": "seconds",
    "86400 * (datetime.date.today() - datetime.date(1970, 1, 1)).days": "a day",
    "email.utils.mktime_tz(email.utils.parsedate_tz(email.utils.formatdate()))": "seconds",
    "getattr(__import__('ti' + 'me'), 'ti' + 'me')()": "seconds",
    "Holder.clock()": "seconds",
    "Holder().clock()": "seconds",
}
HEADER = "import calendar, datetime, email.utils, time\nclass Holder:\n    clock = time.time\n"


@pytest.fixture(scope="module")
def elsewhere(sandbox):
    sources = {f"f{i}": f"{HEADER}def f{i}(): return {text}" for i, text in enumerate(CLOCKS)}
    with sandbox.open(sources, world=ELSEWHERE) as session:
        yield session


@pytest.mark.parametrize(("number", "accuracy"), list(enumerate(CLOCKS.values())), ids=list(CLOCKS))
def test_every_clock_is_ahead(elsewhere, number, accuracy):
    ahead = elsewhere.call(f"f{number}", {}) - time.time()
    assert abs(ahead - ELSEWHERE.clock_shift) < (2 * 86_400 if accuracy == "a day" else 60)


def call(sandbox: LocalSandbox, body: str, world: World = ORDINARY):
    with sandbox.open(
        {"f": f"import datetime, pickle, time\ndef f(): return {body}"}, world=world
    ) as session:
        return session.call("f", {})


@pytest.mark.parametrize(
    "body",
    [
        "repr(datetime.datetime(2026, 1, 2, 3)) + str(type(datetime.datetime(2026, 1, 2)))",
        "isinstance(datetime.datetime.now(), datetime.datetime) and isinstance(datetime.date.today(), datetime.date)",
        "pickle.loads(pickle.dumps(datetime.datetime(2026, 1, 2))) == datetime.datetime(2026, 1, 2)",
        "time.strftime('%Y-%m-%d', time.gmtime(0)) + time.asctime(time.gmtime(0))",
        "time.perf_counter() <= time.perf_counter() and time.monotonic() <= time.monotonic()",
        "datetime.date.fromisoformat('2026-03-01').isoformat() + str(datetime.timedelta(days=2))",
        "sorted({'x', 'y', 'z'})",
    ],
)
def test_what_depends_on_neither_is_the_same(sandbox, body):
    assert call(sandbox, body) == call(sandbox, body, ELSEWHERE)


def test_hashes_and_the_time_zone_differ(sandbox):
    for body in ("hash('abc')", "''.join({c * 2 for c in 'abcdefghijkl'})", "time.timezone"):
        assert call(sandbox, body) == call(sandbox, body) != call(sandbox, body, ELSEWHERE)


def test_the_moment_elsewhere_differs_in_every_part(sandbox):
    body = "[datetime.datetime.now().strftime(part) for part in ('%Y', '%m', '%w', '%H', '%M')]"
    here, there = call(sandbox, body), call(sandbox, body, ELSEWHERE)
    assert all(a != b for a, b in zip(here, there, strict=True))


def test_the_ordinary_clock_is_the_machines(sandbox):
    call(sandbox, "1", ELSEWHERE)
    assert abs(call(sandbox, "time.time()") - time.time()) < 60


def test_a_world_has_its_own_interpreter_and_confinement(each_level):
    body = "open('/etc/hostname').read()"
    source = {
        "f": f"def f():\n    try:\n        return {body}\n    except OSError:\n        return 'refused'"
    }
    with each_level.open(source, world=ELSEWHERE) as session:
        assert session.call("f", {}) == "refused"


def test_an_interpreter_whose_clock_cannot_be_moved_is_not_used(monkeypatch):
    stuck = "import inside.clock; inside.clock._move_datetime = lambda: None; from inside.zygote"
    monkeypatch.setattr(warm, "_BOOT", warm._BOOT.replace("from inside.zygote", stuck))
    with LocalSandbox() as sandbox:
        assert call(sandbox, "1") == 1
        with pytest.raises(SandboxUnavailable, match="clocks of this Python cannot be moved"):
            sandbox.open({}, world=ELSEWHERE)
