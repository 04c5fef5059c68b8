"""What a process gives up before it touches a program: resources, identity, capabilities, calls.

In two steps, because most of it costs more than a small program's run: what the zygote can give up
for all its children, and the rest in each of them. All of it is irrevocable and raises OSError when
it does not take; the caller then ends without having run anything.
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import resource
import signal
import struct
from dataclasses import dataclass

from restem.rewards.sandbox import kernel
from restem.rewards.sandbox.seccomp import Filter
from restem.rewards.sandbox.watch import Bounds

NOBODY = 65534
FILE_BYTES = 4 << 20
_READ_SEARCH = 2  # CAP_DAC_READ_SEARCH
_STACK_BYTES = 64 << 20
OPEN_FILES = 64
RULES, PROC = OPEN_FILES - 2, OPEN_FILES - 1
"""Descriptors of the zygote that no program inherits: Landlock's rules, and /proc."""
_QUEUED_SIGNALS = 1024  # and timers


@dataclass(frozen=True, slots=True)
class Identity:
    """Who programs run as."""

    become: bool
    """Switch to uid and gid 65534; otherwise this process already is who it should be."""
    read_all: bool
    """Keep the capability to read files whatever their owner, among the few the tier shows: the
    interpreter may be installed for root only."""
    threads: int
    """RLIMIT_NPROC; 0 = none, because the count would include other processes of the user."""


def limit_zygote(identity: Identity) -> None:
    """Limits that are the same for everything in it."""
    if identity.threads:
        _limit(resource.RLIMIT_NPROC, identity.threads)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_SIGPENDING, _QUEUED_SIGNALS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_MEMLOCK, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)  # programs raise it for deep recursion
    soft = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(_STACK_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def confine_zygote(identity: Identity, filtered: Filter) -> None:
    """What the zygote itself can do without."""
    if identity.become:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
    _drop_bounding_set()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    filtered.load.make()


@dataclass(frozen=True, slots=True)
class Confinement:
    """What each child gives up, as system calls in order."""

    filtered: Filter
    steps: tuple[kernel.Call, ...]

    def enter(self) -> None:
        """Become nobody, without capabilities, behind the rest of the filter."""
        self.filtered.be_for(os.getpid())
        for step in self.steps:
            step.make()


def for_children(identity: Identity, filtered: Filter, restrict: kernel.Call | None) -> Confinement:
    """What is left to do in each child of the zygote. restrict: of Landlock."""
    steps = []
    if identity.become:
        steps += [
            kernel.prepare("prctl", kernel.PR_SET_KEEPCAPS, int(identity.read_all)),
            kernel.prepare("setresuid", NOBODY, NOBODY, NOBODY),
        ]
    steps += [
        _keep_only(1 << _READ_SEARCH if identity.read_all else 0),
        kernel.prepare("prctl", kernel.PR_SET_PDEATHSIG, signal.SIGKILL),
        kernel.prepare("prctl", kernel.PR_SET_DUMPABLE, 0),
        *([restrict] if restrict else []),
        filtered.load,
    ]
    return Confinement(filtered, tuple(steps))


def limit_run(bounds: Bounds, cpu_before: float, file_bytes: int) -> None:
    """The limits of one run. The watching parent cuts at the limit of CPU time; the kernel's own
    is far behind it, as it counts in ticks: on a busy machine up to a third too many were seen, and
    a program that it kills looks as if it had crashed."""
    seconds = 2 * math.ceil(bounds.cpu_s) + math.ceil(cpu_before) + 5
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_FSIZE, file_bytes)
    _limit(resource.RLIMIT_AS, bounds.address_space)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _keep_only(capabilities: int) -> kernel.Call:
    """Drops all capabilities but these (a bit mask below 2**32)."""
    version_3 = 0x20080522
    header = struct.pack("<Ii", version_3, 0)
    return kernel.prepare(
        "capset", header, struct.pack("<6I", capabilities, capabilities, 0, 0, 0, 0)
    )


def _drop_bounding_set() -> None:
    """No capability can be gained by exec any more, as far as this process may say so."""
    for capability in range(64):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError as problem:
            if problem.errno in (errno.EINVAL, errno.EPERM):
                break  # past the last one; or not ours to drop
            raise
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)


def address_space_in_use() -> int:
    """Bytes of address space this process maps, to a page, without /proc: the smallest limit under
    which one more page can be mapped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 46 if hard == resource.RLIM_INFINITY else min(1 << 46, hard)
    while high - low > mmap.PAGESIZE:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
            high = middle
        except (OSError, MemoryError):
            low = middle
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high
