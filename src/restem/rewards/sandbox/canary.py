"""Small programs that show whether a box protects and still lets programs work.

One tries everything a sandbox must stop, and names what it could do. Decoys wait for it outside: a
file anyone may read, a folder anyone may write to, a port anyone may connect to.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from restem.rewards.sandbox import launch
from restem.rewards.sandbox.client import Box, BoxFault, Limits, Program

_LIMITS = Limits(cpu_s=5.0, memory_mb=256)
_LOOP_LIMITS = Limits(cpu_s=0.2, memory_mb=256)

_HONEST = """
import colorsys, sys, threading
def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)
def main():
    sys.setrecursionlimit(20000)
    print(depth(10000) + sum(map(int, sys.stdin.buffer.read().split())))
threading.stack_size(64 << 20)
thread = threading.Thread(target=main)
thread.start()
thread.join()
"""
_LOOP = "while True: pass"
_ATTACK = """
import ctypes, json, os, socket, sys
given = json.loads(sys.stdin.read())
def read_file(): open(given["secret"]).read()
def read_parent(): open("/proc/%d/environ" % given["parent"], "rb").read()
def inherit_environment(): assert set(os.environ) - set(given["environment"])
def inherit_files(): os.fstat(3)
def connect(): socket.create_connection(("127.0.0.1", given["port"]), 2)
def fork():
    if os.fork() == 0: os._exit(0)
def execute(): os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
def write_file(): open(given["folder"] + "/written", "w").close()
def remove_file(): os.unlink(given["secret"])
def signal_parent():
    assert os.getpid() != given["parent"]  # as it may be in a PID namespace
    os.kill(given["parent"], 0)
def signal_all(): os.kill(-1, 0)
def use_memory(): bytearray(given["memory"])
def gain_privileges(): assert ctypes.CDLL(None).unshare(0x10000000) == 0
attempts = [read_file, read_parent, inherit_environment, inherit_files, connect, fork, execute,
    write_file, remove_file, signal_parent, signal_all, use_memory, gain_privileges]
for attempt in attempts:
    try:
        attempt()
    except BaseException:
        continue
    print(attempt.__name__)
print("end")
"""


@dataclass(frozen=True, slots=True)
class _Decoys:
    secret: Path
    folder: Path
    listener: socket.socket

    def lost(self) -> str:
        """What an attack reached, seen from outside; "" if nothing."""
        if not self.secret.is_file():
            return "a file was deleted"
        if any(self.folder.iterdir()):
            return "a file was written"
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return ""
        return "a connection was made"


def check(box: Box) -> str:
    """What is wrong with a box, "" if nothing: it lets programs work, and stops every attack."""
    return check_works(box) or _tried_twice(_stops, box)


def check_works(box: Box) -> str:
    """What is wrong with a box for honest programs, "" if nothing."""
    return _tried_twice(_works, box)


def _tried_twice(look: Callable[[Box], str], box: Box) -> str:
    """What `look` found. A box that breaks is given one more try, as in judging: its process may
    have been killed from outside, and a weaker tier would be another grader. What gets out of a box
    is given none."""
    try:
        return look(box)
    except BoxFault:
        try:
            return look(box)
        except BoxFault as problem:
            return str(problem)


def _works(box: Box) -> str:
    """Raises BoxFault."""
    with box.program(_HONEST, _LIMITS) as program:
        run = _run(program, b"3 4")
    if isinstance(run, str):
        return run
    return "" if run == b"10007\n" else f"an honest program got a wrong answer: {run[:80]!r}"


def _stops(box: Box) -> str:
    """Raises BoxFault."""
    with box.program(_LOOP, _LOOP_LIMITS) as program:
        if not program.run(b"").limit:
            return "an endless loop was not stopped"
    with _decoys() as decoys, box.program(_ATTACK, _LIMITS) as program:
        done = _run(program, _given(decoys))
        lost = decoys.lost()
    if isinstance(done, str):
        return done
    got = done.decode("utf-8", "replace").split()
    if got != ["end"]:
        return f"a program could: {', '.join(got[:-1] if got[-1:] == ['end'] else got)}"
    return lost


def _run(program: Program, stdin: bytes) -> bytes | str:
    """Stdout of a run that must end well, or what went wrong."""
    if program.compile_error is not None:
        return program.compile_error
    run = program.run(stdin)
    if run.exit_code == 0 and not run.limit:
        return run.stdout
    reason = run.limit or (run.stderr.strip().splitlines() or [""])[-1]
    return f"an honest program ended with exit code {run.exit_code} ({reason[:120]})"


def _given(decoys: _Decoys) -> bytes:
    given: dict[str, object] = {
        "secret": str(decoys.secret),
        "folder": str(decoys.folder),
        "port": decoys.listener.getsockname()[1],
        "parent": os.getpid(),
        "environment": list(launch.environment("")),
        "memory": 4 * _LIMITS.memory_mb << 20,
    }
    return json.dumps(given).encode()


@contextmanager
def _decoys() -> Iterator[_Decoys]:
    with tempfile.TemporaryDirectory(prefix="restem-canary-") as name, socket.socket() as listener:
        os.chmod(name, 0o755)
        secret, folder = Path(name, "secret"), Path(name, "folder")
        secret.write_text("secret")
        folder.mkdir()
        folder.chmod(0o777)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield _Decoys(secret, folder, listener)
