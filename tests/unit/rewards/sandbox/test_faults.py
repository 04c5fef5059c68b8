"""When a sandbox breaks: the fault is reported as one, and the next program gets a new sandbox."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from restem.rewards.sandbox.client import Box, BoxFault, Limits
from restem.rewards.sandbox.connection import Connection

pytestmark = pytest.mark.slow  # many starts of sandboxes

LIMITS = Limits(cpu_s=5.0, memory_mb=256)


def connection(box: Box) -> Connection:
    return box._connections[""]


def output(box: Box) -> bytes:
    with box.program("print(input())", LIMITS) as program:
        return program.run(b"ok").stdout


def family(pid: int) -> set[int]:
    """A process and all below it."""
    found = {pid}
    while True:
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
        more = {child for child, parent in parents.items() if parent in found} | found
        if more == found:
            return found
        found = more


def alive(pids: set[int]) -> set[int]:
    """Those that still run."""
    states = {}
    for pid in pids:
        try:
            states[pid] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return {pid for pid, state in states.items() if state not in "ZX"}


def wait_until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 120
    while alive(pids):
        assert time.monotonic() < deadline, f"{alive(pids)} of {pids} survive"
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["outer", "inner"])
def test_a_zygote_killed_during_a_run_is_a_fault_and_is_replaced(own_box: Box, victim: str) -> None:
    assert output(own_box) == b"ok\n"
    pid = connection(own_box).pid()
    members = family(pid)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    target = pid if victim == "outer" or not children else int(children[0])
    with own_box.program("import time\ntime.sleep(30)", LIMITS) as program:
        members |= family(pid)
        threading.Timer(0.2, os.kill, (target, signal.SIGKILL)).start()
        with pytest.raises(BoxFault):
            program.run(b"")
        with pytest.raises(BoxFault):
            program.run(b"")
    assert output(own_box) == b"ok\n"
    wait_until_gone(members)


def test_a_zygote_killed_while_idle_is_replaced_without_a_fault(own_box: Box) -> None:
    assert output(own_box) == b"ok\n"
    pid = connection(own_box).pid()
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    assert output(own_box) == b"ok\n"
    assert connection(own_box).pid() != pid


def test_a_zygote_that_does_not_answer_is_a_fault(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    from restem.rewards.sandbox import client

    assert output(box) == b"ok\n"
    members = family(connection(box).pid())
    monkeypatch.setattr(client, "_MARGIN_S", 0.3)
    for pid in members:
        with suppress(ProcessLookupError):  # the last program's own process may just be ending
            os.kill(pid, signal.SIGSTOP)
    with pytest.raises(BoxFault, match="in time"), box.program("", Limits(0.1, 256)):
        pass
    assert output(box) == b"ok\n"
    wait_until_gone(members)


def test_an_answer_that_makes_no_sense_is_a_fault(own_box: Box) -> None:
    assert output(own_box) == b"ok\n"
    with own_box.program("print(1)", LIMITS) as program:
        program.run(b"")
        first = connection(own_box)
        first._receive, receive = (
            (lambda *_: receive("ready", time.monotonic() + 5)),
            first._receive,
        )  # type: ignore[method-assign]
        with pytest.raises(BoxFault):
            program.run(b"")
    assert output(own_box) == b"ok\n"


def test_an_interrupted_run_takes_the_zygote_along(own_box: Box) -> None:
    assert output(own_box) == b"ok\n"
    pid = connection(own_box).pid()
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with (
        pytest.raises(KeyboardInterrupt),
        own_box.program("import time\ntime.sleep(30)", LIMITS) as program,
    ):
        program.run(b"")
    assert output(own_box) == b"ok\n"
    assert connection(own_box).pid() != pid


def test_a_box_that_a_thread_opened_outlives_the_thread(own_box: Box) -> None:
    thread = threading.Thread(target=output, args=(own_box,))
    thread.start()
    thread.join()
    pid = connection(own_box).pid()
    time.sleep(0.1)
    assert output(own_box) == b"ok\n"
    assert connection(own_box).pid() == pid


def test_two_threads_use_two_boxes(own_box: Box) -> None:
    results: dict[int, list[bytes]] = {}

    def work(number: int, box: Box) -> None:
        with box.program("print(int(input()) + 1)", LIMITS) as program:
            results[number] = [program.run(b"%d" % n).stdout for n in range(number, number + 50)]

    boxes = [own_box, Box(own_box.tier)]
    threads = [threading.Thread(target=work, args=(n, box)) for n, box in enumerate(boxes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    boxes[1].close()
    assert results == {n: [b"%d\n" % (k + 1) for k in range(n, n + 50)] for n in range(2)}


def test_restarts_leave_nothing_behind(own_box: Box) -> None:
    def count() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(family(os.getpid()))

    own_box.close()
    before = count()
    for _ in range(5):
        output(own_box)
        own_box.close()
    time.sleep(0.2)
    assert count() == before


def test_what_the_parent_has_set_does_not_reach_programs(own_box: Box) -> None:
    source = (
        "import os, signal\nprint(os.umask(0), signal.getsignal(signal.SIGCHLD),"
        " signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    )

    def ask() -> bytes:
        own_box.close()
        with own_box.program(source, LIMITS) as program:
            return program.run(b"").stdout

    expected = ask()
    mask, children = os.umask(0o077), signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    try:
        assert ask() == expected
    finally:
        os.umask(mask)
        signal.signal(signal.SIGCHLD, children)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def test_a_box_that_cannot_start_is_a_fault(
    own_box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own_box.close()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(BoxFault, match="missing"):
        output(own_box)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BoxFault):
        output(own_box)
    monkeypatch.undo()
    assert output(own_box) == b"ok\n"
    assert list(tmp_path.iterdir()) == []


PARENT = """
import sys, threading
from restem.rewards.sandbox.client import Box, Limits
def work():
    box = Box(sys.argv[1])
    with box.program("import time\\ntime.sleep(60)", Limits(20.0, 256)) as program:
        print("running", flush=True)
        program.run(b"")
if sys.argv[2] == "thread":
    threading.Thread(target=work).start()
else:
    work()
"""


@pytest.mark.parametrize("where", ["main", "thread"])
def test_nothing_survives_a_killed_parent(box: Box, where: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, "-B", script, box.tier, where],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": "src", "PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"running\n"
    time.sleep(0.2)
    members = family(parent.pid)
    assert len(members) >= 4
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until_gone(members)
