"""Confined processes: one compiles the program and then is its first run, others are further runs.

A child gets three files in memory as its streams and closes everything else before it touches the
program. The parent holds source, code and inputs as bytes and never interprets them.
"""

from __future__ import annotations

import marshal
import os
import time
import warnings
from dataclasses import dataclass
from types import CodeType

from restem.rewards.sandbox import confine, kernel, outside
from restem.rewards.sandbox.protocol import MAX_ERRORS
from restem.rewards.sandbox.watch import Bounds, Watch

_CODE_BYTES = 64 << 20

# Descriptors, the same in a program's process and in its children, which inherit them.
IN, OUT, ERRORS = 0, 1, 2
ARMED, COMPILED, GO = 3, 4, 5
"""eventfds: the child is confined; it has compiled the program and waits; it may run."""
CODE = 6
"""The compiled program, from the child that compiles."""
STREAMS = 7, 8, 9
"""New files for the child's stdin, stdout and stderr; in the parent only."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the zygote hands to each program's process."""

    confinement: confine.Confinement | None
    """None: programs run unconfined (tier unsafe)."""
    fork: kernel.Call
    base_bytes: int
    """Address space the interpreter and the preloaded modules take."""
    watch: Watch
    folder: str = ""
    """What programs may write to, emptied between two runs: each is like the first. "" = none."""


def open_channels() -> None:
    """For a new program. Raises OSError, also if another file is open already."""
    flags = os.EFD_CLOEXEC
    made = (os.eventfd(0, flags | os.EFD_NONBLOCK), os.eventfd(0, flags | os.EFD_NONBLOCK))
    if (*made, os.eventfd(0, flags), os.memfd_create("code")) != (ARMED, COMPILED, GO, CODE):
        raise OSError("the descriptors of a program's process are not as they should be")
    _open_streams()


def _open_streams() -> None:
    made = os.memfd_create("stdin"), os.memfd_create("stdout"), os.memfd_create("stderr")
    if made != STREAMS:
        raise OSError("the descriptors of a program's process are not as they should be")


def renew_streams() -> None:
    """Empty ones, for another run."""
    os.closerange(STREAMS[0], STREAMS[-1] + 1)
    _open_streams()


def fork(place: Place, bounds: Bounds, compiles: bool) -> int:
    """The pid of a new child; 0 in the child, confined.

    compiles: it keeps the channels for that, and gets limits that leave room for compiling and
    running.
    """
    pid = place.fork.make()
    if pid:
        return pid
    try:
        os.setsid()
        outside.volunteer(confine.PROC)
        os.dup2(STREAMS[0], IN)
        os.dup2(STREAMS[1], OUT)
        os.dup2(STREAMS[2], ERRORS)
        if compiles:
            confine.limit_run(bounds, bounds.cpu_s + 1, _CODE_BYTES)
        else:
            confine.limit_run(bounds, 0.0, confine.FILE_BYTES)
        if place.confinement is None:
            kernel.die_with_parent(0)
        else:
            place.confinement.enter()
        os.closerange(STREAMS[0], confine.OPEN_FILES)
        os.eventfd_write(ARMED, 1)
        if not compiles:
            os.closerange(ARMED, STREAMS[0])
    except BaseException as problem:  # noqa: BLE001 - whatever it is, nothing may run here
        os.write(ERRORS, repr(problem).encode())
        os._exit(1)
    return 0


def compile_and_wait(source: bytes, bounds: Bounds) -> CodeType:
    """In a child that compiles: returns the program when it may run. Ends the process if it cannot
    be compiled."""
    try:
        program = _compile(source)
        write(CODE, marshal.dumps(program))
        os.eventfd_write(COMPILED, 1)
        os.eventfd_read(GO)
        confine.limit_run(bounds, time.process_time(), confine.FILE_BYTES)
        os.closerange(ARMED, STREAMS[0])
    except BaseException as problem:  # noqa: BLE001 - what a compiler can raise is no contract
        os.write(ERRORS, _describe(problem).encode("utf-8", "backslashreplace"))
        os._exit(1)
    return program


def _compile(source: bytes) -> CodeType:
    text = source.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(text, "main.py", "exec", dont_inherit=True)


def _describe(problem: BaseException) -> str:
    name = type(problem).__name__
    if isinstance(problem, SyntaxError):
        line = f" (line {problem.lineno})" if problem.lineno else ""
        return f"{name}: {problem.msg[:300]}{line}"
    return f"{name}: {str(problem)[:300]}".removesuffix(": ")


def code() -> bytes:
    """What the child that compiles has written (marshal)."""
    return head(CODE, _CODE_BYTES)


def happened(event: int) -> bool:
    """Whether the event has been signalled since this was last asked."""
    try:
        os.eventfd_read(event)
    except BlockingIOError:
        return False
    return True


def write(fd: int, data: bytes) -> None:
    """All of it, at the file's beginning, leaving its offset alone."""
    rest, done = memoryview(data), 0
    while rest:
        written = os.pwrite(fd, rest, done)
        rest, done = rest[written:], done + written


def head(fd: int, most: int) -> bytes:
    """A file's beginning, wherever its offset is."""
    return os.pread(fd, min(os.fstat(fd).st_size, most), 0)


def tail(fd: int) -> bytes:
    """A file's end."""
    size = os.fstat(fd).st_size
    return os.pread(fd, MAX_ERRORS, max(0, size - MAX_ERRORS))
