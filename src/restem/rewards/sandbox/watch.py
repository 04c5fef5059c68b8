"""Waits for a child within its limits, and kills it when it goes over one.

CPU time decides (a loaded machine must not turn right programs into wrong ones); wall time is the
backstop for programs that sleep. Over all runs of a program, what it idles is counted: time by the
clock in which it neither worked nor waited for a processor.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import NamedTuple

from restem.rewards.sandbox import outside
from restem.rewards.sandbox.protocol import SLOWED

CPU, WALL = "cpu", "wall"
_HOARD, _NEWS = "hoard", "news"
_LOOK_S = 0.1  # between looks at the number of files and threads
_SHORT_S = 0.1  # idling that is not worth asking whether the machine's load is its reason


class Bounds(NamedTuple):
    """What one child may use."""

    cpu_s: float
    wall_s: float
    address_space: int
    """Bytes."""
    idle_s: float = math.inf


class Ended(NamedTuple):
    """How a child ended."""

    exit_code: int
    """0..255, or minus the signal's number."""
    limit: str
    """"", "cpu" or "wall"."""
    cpu_s: float
    wall_s: float
    idle_s: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Waits for children."""

    box: str = ""
    """A file system whose number of files is limited here; "" where its mount limits it."""
    files: int = 0
    proc: int = -1
    """A descriptor of /proc."""
    threads: int = 0
    """0: not limited here."""

    def _wait(self, pid: int, bounds: Bounds, cpu_before: float, event: int) -> tuple[str, float]:
        """Until the child ends: ""; until it is over a limit, or has news: which. And how long it
        has idled.

        cpu_before: CPU seconds it had used when its time began, which is now.
        """
        began = time.monotonic()
        pidfd = os.pidfd_open(pid)
        try:
            poll = _poll(pidfd, event)
            pause = min(bounds.cpu_s, bounds.wall_s, bounds.idle_s)
            looks = bool(self.box or self.threads)
            while True:
                ready = _ready(poll, min(pause, _LOOK_S) if looks else pause, pid)
                wall_s, used_s = time.monotonic() - began, cpu_s(pid) - cpu_before
                idle_s = self._idle_s(pidfd, wall_s - SLOWED * used_s)
                if ready:
                    return "" if pidfd in ready else _NEWS, idle_s
                left_s = min(bounds.wall_s - wall_s, bounds.idle_s - idle_s)
                left_cpu_s = bounds.cpu_s - used_s
                if left_s <= 0 or left_cpu_s < 0:
                    return CPU if left_cpu_s < 0 else WALL, idle_s
                if looks and self._hoards(pidfd):
                    return _HOARD, idle_s
                pause = max(min(left_s, left_cpu_s), 0.005)
        finally:
            os.close(pidfd)

    def end(
        self, pid: int, bounds: Bounds, cpu_before: float = 0.0, event: int = -1
    ) -> Ended | None:
        """Wait until the child ends, or end it; reap it. None if `event` can be read first."""
        began = time.monotonic()
        limit, idle_s = self._wait(pid, bounds, cpu_before, event)
        if limit == _NEWS:
            return None
        if limit:
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        used_s = max(usage.ru_utime + usage.ru_stime - cpu_before, 0.0)
        limit = CPU if used_s > bounds.cpu_s else "" if limit == _HOARD else limit
        code = os.waitstatus_to_exitcode(status)
        return Ended(code, limit, used_s, time.monotonic() - began, idle_s)

    def _idle_s(self, pidfd: int, idle_s: float) -> float:
        """idle_s: by the clock, beyond what its work may take on a loaded machine."""
        if idle_s > _SHORT_S:
            idle_s -= outside.waited_s(self.proc, outside.name_of(self.proc, pidfd))
        return max(idle_s, 0.0)

    def _hoards(self, pidfd: int) -> bool:
        """Whether it has too many files or threads."""
        if self.box and self._too_many_files():
            return True
        name = outside.name_of(self.proc, pidfd) if self.threads else ""
        return bool(name) and outside.threads(self.proc, name) > self.threads

    def _too_many_files(self) -> bool:
        state = os.statvfs(self.box)
        return state.f_files - state.f_ffree > self.files


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far. Source: linux/posix-timers_types.h, CPUCLOCK_SCHED."""
    return time.clock_gettime((~pid << 3) | 2)


def _poll(pidfd: int, event: int) -> select.poll:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(0, 0)  # hang-up only: the box is gone
    if event >= 0:
        poll.register(event, select.POLLIN)
    return poll


def _ready(poll: select.poll, pause_s: float, pid: int) -> set[int]:
    """Descriptors with something to say. Ends this process and the child if 0 is among them: the
    box at its other end is gone."""
    ready = {fd for fd, _ in poll.poll(1000 * pause_s)}
    if 0 in ready:
        os.kill(pid, signal.SIGKILL)
        os._exit(0)
    return ready
