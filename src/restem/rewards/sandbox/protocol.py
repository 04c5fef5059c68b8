"""What a box and its zygote say to each other, and how it is written to a pipe.

Fixed binary headers, then raw bytes: sources, inputs and outputs. Expected outputs are never part
of any message. Nothing here can execute or build anything but numbers, short words and bytes.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import NamedTuple

NAMESPACES, BUBBLEWRAP, LANDLOCK, UNSAFE = "namespaces", "bubblewrap", "landlock", "unsafe"

PROGRAM, RUN, END = "program", "run", "end"
"""Requests: a source, which opens a world; an input; the end of the world."""
READY, COMPILED, RAN, FAULT = "ready", "compiled", "ran", "fault"
"""Answers: set up; output holds the compiler's error, or nothing; output and errors are the
program's; output says what went wrong in the sandbox."""

SLOWED = 3
"""How much longer than its CPU time a program may take on a loaded machine."""

MAX_OUTPUT = 3 << 20
"""Bytes of stdout that are kept; a program that writes more has gone over a limit."""
MAX_ERRORS = 8000
"""Bytes of stderr that are kept, the last ones."""

_LENGTH = struct.Struct("<Q")
_ASK = struct.Struct("<8sddIQ")
_ANSWER = struct.Struct("<8s8sqdddQQ")
Read = Callable[[int], bytes]
"""Reads at most so many bytes; b"" at the end."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a zygote is to set itself up."""

    tier: str
    parent: int
    """Its parent's pid, to die with it; 0: it notices the closed pipe only."""
    stage: str
    """An empty folder of its own: where a new root is built, or what programs run in."""
    visible: tuple[str, ...]
    """Files and folders programs may read."""
    preload: tuple[str, ...]
    """Modules to import beforehand, if they are installed."""
    proc: int
    """A descriptor of the machine's /proc that is inherited; -1 = none."""

    def pack(self) -> bytes:
        """As bytes."""
        data = json.dumps(astuple(self)).encode()
        return _LENGTH.pack(len(data)) + data


class Ask(NamedTuple):
    """A request. Limits come with `program` and hold for each of its runs; with `run` comes what is
    left of the program's budget: CPU seconds, and as `wall_s` seconds of idling."""

    kind: str
    body: bytes = b""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_mb: int = 0

    def pack(self) -> bytes:
        """As bytes."""
        numbers = (self.cpu_s, self.wall_s, self.memory_mb, len(self.body))
        return _ASK.pack(self.kind.encode(), *numbers) + self.body


class Answer(NamedTuple):
    """A reply."""

    kind: str
    output: bytes = b""
    errors: bytes = b""
    limit: str = ""
    exit_code: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    idle_s: float = 0.0

    def pack(self) -> bytes:
        """As bytes."""
        words = (self.kind.encode(), self.limit.encode())
        numbers = (self.exit_code, self.cpu_s, self.wall_s, self.idle_s)
        sizes = (len(self.output), len(self.errors))
        return _ANSWER.pack(*words, *numbers, *sizes) + self.output + self.errors


def read_ask(read: Read) -> Ask:
    """The next request. Raises EOFError at the end, also in the middle of one."""
    kind, cpu_s, wall_s, memory_mb, size = _ASK.unpack(_exactly(read, _ASK.size))
    return Ask(_word(kind), _exactly(read, size), cpu_s, wall_s, memory_mb)


def read_answer(read: Read) -> Answer:
    """The next answer. Raises: EOFError at the end; ValueError if it can be none."""
    kind, limit, *numbers, first, second = _ANSWER.unpack(_exactly(read, _ANSWER.size))
    if first > MAX_OUTPUT or second > MAX_ERRORS:
        raise ValueError("an answer of the sandbox is longer than it may be")
    output, errors = _exactly(read, first), _exactly(read, second)
    return Answer(_word(kind), output, errors, _word(limit), *numbers)


def send(fd: int, answer: Answer) -> None:
    """Write an answer, however long that takes."""
    rest = memoryview(answer.pack())
    while rest:
        rest = rest[os.write(fd, rest) :]


def receive_settings(fd: int) -> Settings:
    """A zygote's first message."""

    def read(size: int) -> bytes:
        return os.read(fd, size)

    data = _exactly(read, _LENGTH.unpack(_exactly(read, _LENGTH.size))[0])
    tier, parent, stage, visible, preload, proc = json.loads(data)
    return Settings(tier, parent, stage, tuple(visible), tuple(preload), proc)


def receive(fd: int) -> Ask:
    """Wait for a request, however long that takes. Raises EOFError when there will be none."""
    return read_ask(lambda size: os.read(fd, size))


def _word(field: bytes) -> str:
    return field.rstrip(b"\0").decode("ascii")


def _exactly(read: Read, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
