"""The remote sandbox against a real server, which runs each program in an interpreter of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from json_values import json_values

from data_synthesis.arenas.proof import prove
from data_synthesis.records import Arena, ArenaTool, GoldCall, ToolSpec
from data_synthesis.sandbox import (
    ELSEWHERE,
    BadArguments,
    ConfinementLevel,
    DeadlineExceeded,
    Limits,
    MemoryExceeded,
    NotJson,
    OutputExceeded,
    RemoteSandbox,
    SandboxUnavailable,
    SessionDied,
    SourceError,
    ToolRaised,
    UnknownTool,
    remote,
    remote_program,
)


class Server(ThreadingHTTPServer):
    """Answers as SandboxFusion does. `troubles` are answered first, one a request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.troubles: list[tuple[int, bytes]] = []
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        assert isinstance(self.server, Server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests += 1
        if self.server.troubles:
            status, answer = self.server.troubles.pop(0)
        else:
            status, answer = 200, json.dumps(run(request)).encode()
        self.send_response(status if self.path == "/run_code" else 404)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def run(request: dict) -> dict:
    assert request["language"] == "python"
    memory = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({request['memory_limit_MB'] << 20},) * 2)\n"
    command = [sys.executable, "-I", "-S", "-c", memory + "import sys; exec(sys.stdin.read())"]
    try:
        done = subprocess.run(
            command,
            input=request["code"],
            capture_output=True,
            text=True,
            timeout=request["run_timeout"],
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"status": "Failed", "run_result": {"status": "TimeLimitExceeded", "stdout": "", "stderr": ""}}
    result = {
        "status": "Finished",
        "return_code": done.returncode,
        "stdout": done.stdout,
        "stderr": done.stderr,
    }
    return {"status": "Success" if done.returncode == 0 else "Failed", "run_result": result}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def sandbox(server) -> RemoteSandbox:
    return RemoteSandbox(server.url, limits=Limits(output_bytes=1 << 16))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE_SECONDS", 0.01)


ECHO = {"echo": "def echo(value):\n    print('noise')\n    return value"}


@settings(max_examples=10, deadline=None)
@given(value=json_values)
def test_arguments_and_results_survive_the_round_trip(server, value):
    with RemoteSandbox(server.url) as sandbox:
        session = remote.RemoteSession(sandbox, ECHO)
        assert session.call("echo", {"value": value}) == value


def test_it_says_only_what_its_operator_says(sandbox, server):
    assert sandbox.level == ConfinementLevel.NONE
    vouched = RemoteSandbox(server.url, level=ConfinementLevel.NAMESPACES)
    assert "NAMESPACES, as its operator says" in vouched.describe()


CALLS = {
    "raise ValueError('no')": ToolRaised,
    "raise SystemExit": ToolRaised,
    "return {1, 2}": NotJson,
    "return 'x' * 10**6": OutputExceeded,
    "return bytearray(10**9)": MemoryExceeded,
    "import os; os._exit(3)": SessionDied,
    "import os; os.write(1, b'forged'); os._exit(0)": SessionDied,
}


@pytest.mark.parametrize(("body", "error"), CALLS.items())
def test_misbehaviour_has_a_type(sandbox, body, error):
    with sandbox.open({"f": f"def f():\n    {body}"}) as session, pytest.raises(error):
        session.call("f", {})


def test_a_deadline_is_a_breach_and_lasts(sandbox, server, monkeypatch):
    monkeypatch.setattr(remote, "_START_SECONDS", 0.3)
    with sandbox.open({"f": "def f():\n    while True: pass"}) as session:
        with pytest.raises(DeadlineExceeded):
            session.call("f", {}, 0.2)
        before = server.requests
        with pytest.raises(DeadlineExceeded):
            session.call("f", {}, 0.2)
        assert server.requests == before


def test_sources_and_arguments_are_checked(sandbox):
    with pytest.raises(SourceError, match="defines 'g' instead"):
        sandbox.open({"f": "def g(): pass"})
    with sandbox.open(ECHO) as session:
        with pytest.raises(BadArguments):
            session.call("echo", {})
        with pytest.raises(BadArguments):
            session.call("echo", {"value": float("nan")})
        with pytest.raises(UnknownTool):
            session.call("nope", {})


def test_a_closed_session_says_so(sandbox):
    session = sandbox.open(ECHO)
    session.close()
    session.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        session.call("echo", {"value": 1})


PASSING = [(500, b"busy"), (429, b""), (200, b"not json"), (200, b"{}"), (200, b'{"status": "SandboxError"}')]


@pytest.mark.parametrize("trouble", PASSING)
def test_a_passing_trouble_is_retried_and_a_lasting_one_is_the_servers_fault(sandbox, server, trouble):
    with sandbox.open(ECHO) as session:
        server.troubles[:] = [trouble] * 2
        assert session.call("echo", {"value": 1}) == 1
        server.troubles[:] = [trouble] * 3
        with pytest.raises(SandboxUnavailable, match="does not run programs"):
            session.call("echo", {"value": 1})
        assert not server.troubles
        assert session.call("echo", {"value": 1}) == 1


def test_a_refusal_is_not_asked_again(sandbox, server):
    with sandbox.open(ECHO) as session:
        server.troubles[:] = [(403, b"who are you?")] * 2
        with pytest.raises(SandboxUnavailable, match="who are you"):
            session.call("echo", {"value": 1})
        assert len(server.troubles) == 1
        server.troubles.clear()


def test_no_server_is_unavailable_in_time(monkeypatch):
    monkeypatch.setattr(remote, "_ANSWER_SECONDS", 0.2)
    with pytest.raises(SandboxUnavailable, match="ConnectionRefused"):
        RemoteSandbox("http://127.0.0.1:9").open(ECHO)


def test_an_answer_too_long_is_cut_off(server):
    sandbox = RemoteSandbox(server.url, limits=Limits(output_bytes=1))
    server.troubles[:] = [(200, b" " * (3 << 20))]
    with pytest.raises(SandboxUnavailable, match="longer than"):
        sandbox.open(ECHO)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(remote, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(remote, "_START_SECONDS", 0.1)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), BaseHTTPRequestHandler
    ) as silent:  # accepts, and does not serve
        sandbox = RemoteSandbox(
            f"http://127.0.0.1:{silent.server_port}", limits=Limits(load_seconds=0.1), attempts=2
        )
        started = time.monotonic()
        with pytest.raises(SandboxUnavailable, match=r"timed out|in time"):
            sandbox.open(ECHO)
        assert time.monotonic() - started < 5


def test_another_world_has_another_clock_and_other_hashes(sandbox):
    source = {"f": "import time\ndef f():\n    return [time.time(), time.timezone, hash('abc')]"}
    with sandbox.open(source) as here, sandbox.open(source, world=ELSEWHERE) as there:
        (now, _, one), (then, zone, two) = here.call("f", {}), there.call("f", {})
        assert there.call("f", {})[2] == two != one
    assert abs(then - now - ELSEWHERE.clock_shift) < 60
    assert zone == -(5 * 3600 + 45 * 60)


def test_a_server_without_another_world_says_so(sandbox, monkeypatch):
    monkeypatch.setattr(
        remote_program, "_ELSEWHERE", remote_program._ELSEWHERE.replace("sys.executable", "'/none'")
    )
    with pytest.raises(SandboxUnavailable, match="no other world to offer"):
        sandbox.open(ECHO, world=ELSEWHERE)


def test_what_was_used_is_summed_over_the_programs(sandbox):
    source = "def f(a):\n    if a:\n        return 'yes'\n    return 'no'"
    with sandbox.open({"f": source}, traced=True) as session:
        assert session.usage().lines["f"] == {1}
    with sandbox.open({"f": source}, traced=True) as session:
        session.call("f", {"a": 1})
        session.call("f", {"a": 0})
        used = session.usage()
        session.call("f", {"a": 0})
    assert used.lines["f"] == {1, 2, 3, 4}
    assert len(used.call_seconds) == 2
    with sandbox.open({"f": source}) as session:
        session.call("f", {"a": 1})
        assert session.usage().lines["f"] == frozenset()


@pytest.mark.parametrize(
    ("shown", "reason"),
    [("hotel", None), ("__import__('ti' + 'me').gmtime().tm_year", "clock_or_random")],
)
def test_an_arena_is_proved_over_a_remote_sandbox(sandbox, shown, reason):
    rooms = "ROOMS = {'Lindal': 412, 'Marrow': 388, 'Osk': 951}\n"
    source = f"{rooms}def price(hotel):\n    return {{'price': ROOMS[hotel], 'shown': {shown}}}\n"
    document = {"type": "object", "properties": {"hotel": {"type": "string"}}, "required": ["hotel"]}
    tool = ArenaTool(spec=ToolSpec(name="price", parameters=document), source=source)
    gold = GoldCall(id=1, tool="price", arguments={"hotel": "Lindal"}, expected=412)
    arena = Arena(question="What is a room?", tools=[tool], gold_calls=[gold])
    assert prove(arena, sandbox).reasons == ([reason] if reason else [])
