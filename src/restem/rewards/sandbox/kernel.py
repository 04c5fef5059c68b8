"""System calls that Python's `os` does not offer, through ctypes. Raises OSError, never returns -1.

Part of the zygote: imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from dataclasses import dataclass
from functools import lru_cache

from restem.rewards.sandbox.syscalls import numbers

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

Buffer = ctypes.Array[ctypes.c_char]
Argument = int | bytes | Buffer | None


@dataclass(frozen=True, slots=True)
class Call:
    """A system call ready to be made: whoever makes it in a fresh process touches little memory,
    and each page it touches there has to be copied first."""

    name: str
    longs: tuple[int, ...]
    """Its number and six arguments."""
    buffers: tuple[Buffer, ...]
    """What the arguments point to."""

    def make(self) -> int:
        """Make it. Raises: OSError."""
        result: int = _syscall()(*self.longs)
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{self.name}: {os.strerror(number)}")
        return result


@lru_cache(maxsize=1)
def _syscall() -> ctypes._NamedFuncPointer:
    """syscall(2). Every argument is passed as a long, so that none is cut to 32 bits."""
    function = ctypes.PyDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    function.argtypes = [ctypes.c_long] * 7
    return function


@lru_cache(maxsize=1)
def table() -> dict[str, int]:
    """System call numbers of this machine. Raises OSError where no table is known."""
    machine = platform.machine()
    try:
        return numbers(machine)
    except KeyError:
        raise OSError(f"no system call table for {machine}") from None


def prepare(name: str, *arguments: Argument) -> Call:
    """A system call by its name in `syscalls`; bytes and buffers are passed by address."""
    longs: list[int] = [table()[name]]
    buffers: list[Buffer] = []
    for argument in arguments:
        if isinstance(argument, int):
            longs.append(argument)
        elif argument is None:
            longs.append(0)
        else:
            if isinstance(argument, bytes):
                argument = ctypes.create_string_buffer(argument)
            buffers.append(argument)
            longs.append(ctypes.addressof(buffers[-1]))
    longs += [0] * (7 - len(longs))
    return Call(name, tuple(longs), tuple(buffers))


def call(name: str, *arguments: Argument) -> int:
    """Make a system call now."""
    return prepare(name, *arguments).make()


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), missing arguments 0."""
    return call("prctl", option, *arguments)


def prepare_mount(
    source: str | None, target: str, kind: str | None, flags: int, data: str | None
) -> Call:
    """mount(2), to be made later."""
    names = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    return prepare("mount", names[0], names[1], names[2], flags, names[3])


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None) -> None:
    """mount(2)."""
    prepare_mount(source, target, kind, flags, data).make()


def prepare_fork(namespaces: int = 0) -> Call:
    """A fork whose child begins in new namespaces (CLONE_NEW* flags); `make` returns 0 there.

    `unshare(CLONE_NEWPID)` works once per process, clone as often as one likes. For processes of a
    single thread only: what Python and libc do around a fork is for other threads' sake, and costs
    as much again as the fork.
    """
    return prepare("clone", namespaces | signal.SIGCHLD)


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when the thread that started it ends. parent: its pid, to notice
    that it has ended already; 0 where the parent's pid cannot be seen."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)
