"""Seconds of wall clock and of CPU that a piece of work takes, all processes below included."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import psutil

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Seconds:
    """What something took."""

    wall: float
    cpu: float


def timed(work: Callable[[], Result]) -> tuple[Result, Seconds]:
    """The result, and what it took."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = work()
    return result, Seconds(time.perf_counter() - wall, cpu_seconds() - cpu)


def cpu_seconds() -> float:
    """Of this process and of those below it, alive (a worker, a zygote) or ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + ended.ru_utime + ended.ru_stime
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
