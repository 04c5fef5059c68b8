"""`grade --serve`: real servers on free ports; rewards that wait where a test needs them to."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import hostile_rows
import psutil
import pytest
from serving import LONG_S, serving

from restem.commands import grade, grade_judges, grade_limits, grade_server
from restem.core.errors import DataError, ParamsError, SandboxError
from restem.core.records import Problem, Verdict

REPO = Path(__file__).parents[3]
ROW = {"id": 1, "text": "so \\boxed{5}", "gold": "5"}
PROGRAM = {"id": 2, "text": "print(1)", "tests": {"inputs": [""], "outputs": ["1"]}}
JSON, LINES = "application/json", "application/x-ndjson"

Said = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as found:
        yield found


def ask(address: str, body: bytes | str, kind: str = JSON, **headers: str) -> Said:
    content = body if isinstance(body, bytes) else body.encode()
    asked = urllib.request.Request(f"{address}/grade", content, {"Content-Type": kind, **headers})
    return answer(asked)


def answer(asked: urllib.request.Request | str) -> Said:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(asked, timeout=LONG_S) as said:
            return said.status, dict(said.headers), said.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def graded(address: str, *rows: object) -> list[dict[str, object]]:
    status, _, body = ask(address, json.dumps({"rows": rows}))
    assert status == 200, body
    found: list[dict[str, object]] = json.loads(body)["verdicts"]
    return found


def health(address: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(answer(f"{address}/health")[2])
    return found


def depth(address: str, kind: str) -> int:
    rows = health(address)["waiting_rows"]
    assert isinstance(rows, dict)
    return int(rows[kind])


def waiting(address: str, kind: str, num_rows: int) -> None:
    """Return once so many rows wait."""
    end = time.monotonic() + LONG_S
    while depth(address, kind) < num_rows:
        assert time.monotonic() < end, f"{num_rows} rows never waited"


# ---- what it answers


def test_answers_and_programs_are_judged_in_order(address: str) -> None:
    rows = [PROGRAM, ROW, {**ROW, "id": 3, "gold": "6"}, {"id": 4}, {**PROGRAM, "text": "print(2)"}]
    found = graded(address, *rows)
    assert [row["id"] for row in found] == [2, 1, 3, 4, 2]
    assert [row["outcome"] for row in found] == ["correct", "correct", "wrong", "error", "wrong"]
    assert found[3]["detail"] == "row: item 4: text is missing, there is id"
    assert list(found[0]) == ["id", "reward", "outcome", "answer", "detail", "grader"]
    graders = health(address)["graders"]
    assert graders == [found[1]["grader"], found[0]["grader"]]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"rows": [ROW, ROW]}, 2),
        ([ROW, ROW, ROW], 3),
        (ROW, 1),
        ({"rows": []}, 0),
        ([], 0),
        ({"rows": [ROW], "model": "x"}, 1),
        ([5, None, "x"], 3),
    ],
)
def test_rows_come_as_an_object_a_list_or_alone(address: str, body: object, count: int) -> None:
    status, headers, said = ask(address, json.dumps(body))
    assert (status, headers["content-type"]) == (200, JSON)
    assert len(json.loads(said)["verdicts"]) == count


def test_what_a_row_holds_is_that_rows_outcome_alone(address: str) -> None:
    status, _, said = ask(address, f'[{json.dumps(ROW)}, {{"id": NaN}}, {json.dumps(ROW)}]')
    assert status == 200
    outcomes = [row["outcome"] for row in json.loads(said)["verdicts"]]
    assert outcomes == ["correct", "error", "correct"]


def test_an_id_of_any_length_comes_back_as_it_was(address: str) -> None:
    key = "7" * 5000
    _, _, said = ask(address, f'{{"id": {key}, "text": "5", "gold": "5"}}')
    assert f'"id": {key}, "reward": 1.0'.encode() in said


@pytest.mark.slow
def test_lines_are_judged_as_in_a_file(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server and the command say the same of rows of every form, unless time runs out."""
    monkeypatch.chdir(tmp_path)
    content = b"\n \n".join(hostile_rows.lines(seed=5, count=600, programs=5))
    Path("in.jsonl").write_bytes(content)
    with pytest.raises(DataError, match="could not be judged"):
        list(grade.run(Namespace(file=Path("in.jsonl"), out="out.jsonl", serve=False, port=None,
                                 host=None)))  # fmt: skip
    status, headers, said = ask(address, content, f"{LINES}; charset=utf-8")
    assert (status, headers["content-type"]) == (200, LINES)
    pairs = list(zip(said.splitlines(), Path("out.jsonl").read_bytes().splitlines(), strict=True))
    assert len(pairs) == 600
    assert [
        pair for pair in pairs if len(set(pair)) > 1 and b'"timeout"' not in b"".join(pair)
    ] == []


# ---- what it refuses


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "no JSON (Expecting value, character 1 of the body)"),
        ('{"rows": [', "no JSON (Expecting value, character 11 of the body)"),
        ('{"rows": []} x', "no JSON (more follows the value"),
        ("7", "the body must be a JSON object, got 7"),
        ("{}", "the body holds no list of rows, it has nothing"),
        ('{"row": []}', "the body holds no list of rows, it has row"),
        ('{"rows": {}}', "the body holds no list of rows, it has rows"),
        ("[" * 100_000, "the body is nested too deeply"),
        (b"\xff", "no UTF-8 (byte 1 of the body)"),
    ],
)
def test_a_body_without_rows_is_refused_in_one_line(
    address: str, body: str | bytes, why: str
) -> None:
    status, headers, said = ask(address, body)
    assert (status, headers["content-type"]) == (400, JSON)
    error = json.loads(said)["error"]
    assert error.startswith(why)
    assert 'Send {"rows": [' in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_web_page_may_send_without_leave_is_refused(address: str, kind: str) -> None:
    status, _, said = ask(address, json.dumps(ROW), kind)
    assert status == 415
    assert "Content-Type must be application/json" in json.loads(said)["error"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.example"])
@pytest.mark.parametrize("path", ["grade", "health"])
def test_a_name_that_is_made_to_point_here_is_refused(address: str, host: str, path: str) -> None:
    body = json.dumps(ROW).encode() if path == "grade" else None
    headers = {"Content-Type": JSON, "Host": host}
    status, _, said = answer(urllib.request.Request(f"{address}/{path}", body, headers))
    assert status == 403
    assert "is not this machine" in json.loads(said)["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("POST", "/grades", 404), ("GET", "/grade", 405), ("PUT", "/grade", 405),
     ("OPTIONS", "/grade", 405), ("POST", "/health", 405), ("POST", "/grade/", 404)],
)  # fmt: skip
def test_other_paths_and_methods_are_refused(
    address: str, method: str, path: str, status: int
) -> None:
    asked = urllib.request.Request(f"{address}{path}", method=method)
    code, _, said = answer(asked)
    assert code == status
    assert json.loads(said)["error"].startswith(f"{method} {path} is not served. There is POST")


@pytest.mark.parametrize(
    ("head", "status"),
    [(f"Content-Length: {grade_server.MAX_BODY + 1}", 413), ("Transfer-Encoding: chunked", 411)],
)
def test_a_body_that_is_too_long_or_has_no_length_is_refused_unread(
    address: str, head: str, status: int
) -> None:
    with socket.create_connection(place(address), LONG_S) as client:
        client.sendall(f"POST /grade HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
                       f"{head}\r\n\r\n".encode())  # fmt: skip
        said = http.client.HTTPResponse(client)
        said.begin()
        assert said.status == status
        assert "error" in json.loads(said.read())


def test_a_client_that_stalls_is_not_waited_for(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grade_server, "BODY_S", 0.01)
    with socket.create_connection(place(address), LONG_S) as client:
        client.sendall(f"POST /grade HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
                       "Content-Length: 10\r\n\r\n[".encode())  # fmt: skip
        said = http.client.HTTPResponse(client)
        said.begin()
        assert said.status == 408
        assert json.loads(said.read())["error"].endswith("Send it again.")


def test_what_is_no_http_does_no_harm(address: str) -> None:
    with socket.create_connection(place(address), LONG_S) as client:
        client.sendall(b"\x00\xff nonsense\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    assert graded(address, ROW)[0]["reward"] == 1.0


def place(address: str) -> tuple[str, int]:
    host, port = address.removeprefix("http://").split(":")
    return host, int(port)


def test_a_port_that_is_taken_costs_one_line(address: str) -> None:
    limits = grade_limits.defaults()
    with (
        pytest.raises(ParamsError, match=r"cannot serve at 127\.0\.0\.1, port .* in use"),
        grade_server.opened(*place(address), limits),
    ):
        raise AssertionError("served")


# ---- many at once


class Gate:
    """A reward that judges once it may."""

    grader = "gate-1"

    def __init__(self) -> None:
        self.may = threading.Event()
        self.batches: list[int] = []

    def score(self, problems: Sequence[Problem], texts: Sequence[str]) -> list[Verdict]:
        self.batches.append(len(texts))
        assert self.may.wait(LONG_S)
        if "raise" in texts:
            raise OverflowError("too much")
        return [Verdict(1.0, "correct", text, "fine") for text in texts]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    found = Gate()
    monkeypatch.setattr(grade_judges.Judges, "_reward", lambda judges, kind: found)
    return found


def test_requests_that_wait_are_judged_as_one_batch(gate: Gate) -> None:
    with serving() as address, ThreadPoolExecutor(30) as threads:
        first = threads.submit(graded, address, ROW)
        waiting(address, "math", 1)
        others = [threads.submit(graded, address, {**ROW, "text": str(i)}) for i in range(29)]
        waiting(address, "math", 30)
        gate.may.set()
        assert first.result(LONG_S)[0]["answer"] == ROW["text"]
        assert [one.result(LONG_S)[0]["answer"] for one in others] == list(map(str, range(29)))
    assert len(gate.batches) <= 3  # the others may have come before the first was taken
    assert sum(gate.batches) == 30


def test_a_request_larger_than_a_batch_is_answered_whole(gate: Gate) -> None:
    gate.may.set()
    with serving(max_rows=10) as address:
        found = graded(address, *({**ROW, "id": i, "text": str(i)} for i in range(2000)))
    assert [(row["id"], row["answer"]) for row in found] == [(i, str(i)) for i in range(2000)]
    assert max(gate.batches) <= 512


def test_a_full_queue_says_when_to_ask_again(gate: Gate) -> None:
    with serving(max_rows=4) as address, ThreadPoolExecutor(1) as threads:
        first = threads.submit(graded, address, ROW, ROW, ROW)
        waiting(address, "math", 3)
        status, headers, said = ask(address, json.dumps([ROW, ROW]))
        assert (status, headers["retry-after"]) == (503, "2")
        assert "3 rows for the reward math are waiting" in json.loads(said)["error"]
        gate.may.set()
        assert len(first.result(LONG_S)) == 3
        assert len(graded(address, ROW, ROW)) == 2


def test_programs_do_not_hold_up_answers(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    swift = Gate()
    swift.may.set()
    rewards = {"math": swift, "code": gate}
    monkeypatch.setattr(grade_judges.Judges, "_reward", lambda judges, kind: rewards[kind])
    with serving() as address, ThreadPoolExecutor(1) as threads:
        program = threads.submit(graded, address, PROGRAM)
        waiting(address, "code", 1)
        assert graded(address, ROW)[0]["outcome"] == "correct"
        gate.may.set()
        assert program.result(LONG_S)[0]["outcome"] == "correct"


def test_a_client_that_leaves_does_no_harm(gate: Gate) -> None:
    with serving() as address, ThreadPoolExecutor(1) as threads:
        body = json.dumps(ROW).encode()
        head = f"POST /grade HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
        for sent in (body, body[:5]):  # one leaves before its answer, one before it has asked
            with socket.create_connection(place(address), LONG_S) as client:
                client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + sent)
                if sent == body:
                    waiting(address, "math", 1)
        last = threads.submit(graded, address, ROW)
        waiting(address, "math", 2)
        gate.may.set()
        assert last.result(LONG_S)[0]["outcome"] == "correct"


def test_a_row_that_brings_the_reward_down_is_an_error_and_no_more(gate: Gate) -> None:
    gate.may.set()
    with serving() as address:
        found = graded(address, ROW, {**ROW, "text": "raise"}, ROW)
        assert [row["outcome"] for row in found] == ["correct", "error", "correct"]
        assert found[1]["detail"] == "OverflowError: too much"
        assert graded(address, ROW)[0]["outcome"] == "correct"


def test_where_no_sandbox_works_answers_are_judged_and_programs_are_not(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.may.set()

    def reward(judges: grade_judges.Judges, kind: str) -> Gate:
        if kind == "code":
            raise SandboxError("no sandbox works here (namespaces: no). Allow them.")
        return gate

    monkeypatch.setattr(grade_judges.Judges, "_reward", reward)
    with serving() as address:
        for rows in ([PROGRAM], [ROW, PROGRAM], [PROGRAM] * 600):
            status, _, said = ask(address, json.dumps(rows))
            assert status == 500
            assert json.loads(said)["error"].startswith("no sandbox works here (namespaces: no)")
        assert graded(address, ROW)[0]["outcome"] == "correct"
        assert health(address)["waiting_rows"] == {"math": 0, "code": 0}


def test_rewards_are_opened_anew_and_nobody_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    reward = grade_judges.Judges._reward

    def counted(judges: grade_judges.Judges, kind: str) -> object:
        if kind not in judges._rewards:
            opened.append(kind)
        return reward(judges, kind)

    monkeypatch.setattr(grade_judges.Judges, "_reward", counted)
    monkeypatch.setattr(grade_judges, "ROWS_PER_OPENING", 10)
    with serving() as address, ThreadPoolExecutor(4) as threads:
        rows = [{**ROW, "id": i, "text": f"\\boxed{{{i % 7}}}"} for i in range(200)]
        found = list(threads.map(lambda row: graded(address, row)[0], rows))
    assert [row["id"] for row in found] == list(range(200))
    assert [row["reward"] for row in found] == [float(i % 7 == 5) for i in range(200)]
    assert len(opened) > 2


# ---- how it ends


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command itself, far from any checkout, and its address."""
    command = ["env", "--default-signal=INT",  # which a job in the background ignores
               sys.executable, "-m", "restem", "grade", "--serve", "--port", "0"]  # fmt: skip
    started = subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": str(REPO / "src")})  # fmt: skip
    assert started.stderr is not None
    try:
        assert started.stderr.readline().startswith("limits: the defaults")
        said = started.stderr.readline()
        assert said.startswith("grading at http://127.0.0.1:")
        yield started, said.split()[2]
    finally:
        started.kill()
        started.wait()
        started.stderr.close()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_when_all_is_answered(sent: signal.Signals, code: int) -> None:
    slow = {**PROGRAM, "text": "print(len(str(sum(range(10**7)))[:1]))"}
    with process() as (server, address), ThreadPoolExecutor(1) as threads:
        asked = threads.submit(graded, address, slow)
        while not asked.done() and not depth(address, "code"):
            pass
        server.send_signal(sent)
        assert asked.result(LONG_S)[0]["outcome"] == "correct"
        assert server.wait(LONG_S) == code
        assert server.stderr is not None
        assert "Traceback" not in server.stderr.read()


def test_a_second_signal_ends_it_at_once_with_all_its_programs() -> None:
    loops = [{**PROGRAM, "text": f"while True: pass  # {n}"} for n in range(600)]
    with process() as (server, address), ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, address, json.dumps(loops))
        waiting(address, "code", 600)
        server.send_signal(signal.SIGINT)
        while is_open(address):
            pass
        children = psutil.Process(server.pid).children(recursive=True)
        server.send_signal(signal.SIGINT)
        assert server.wait(LONG_S) == 130
        with suppress(OSError):  # reset, or closed without an answer
            asked.result(LONG_S)
        assert psutil.wait_procs(children, LONG_S)[1] == []


def is_open(address: str) -> bool:
    try:
        socket.create_connection(place(address), LONG_S).close()
    except ConnectionError:
        return False
    return True
