"""Worker processes that can be killed, for work that may hang, run out of memory or crash.

Items go out in small batches, results come back one by one. Two limits per item: the worker
interrupts itself after a share of `timeout_s` of CPU time (cheap, it lives on), and the parent
kills a worker that has been silent for `timeout_s` of wall time; what that worker had not begun is
given to another one. A worker may use 2 GB and dies with its parent.

Workers are fresh interpreters (spawn), never forks of a process that may hold threads, and start
with the first item.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import TYPE_CHECKING

from restem.core.errors import SandboxError
from restem.core.records import ERROR, TIMEOUT

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

Item = tuple[str, str]
Result = tuple[str, str]
"""Outcome and detail."""

_BATCH = (
    16  # items a worker holds at most; each is a few hundred characters, so that a pipe never fills
)
_START_S = 120.0  # a worker that has not reported by then does not start at all
_MAX_FAILED_STARTS = 3
_MEMORY_BYTES = 2 << 30
_SOFT_SHARE = 0.4  # of timeout_s, in CPU seconds: a machine under load may take 2.5 times as long
_READY = (-1, ("ready", ""))


class _SoftLimit(BaseException):
    """Not an Exception: sympy and math-verify swallow those."""


# ---- in the worker


def _serve(
    pipe: Connection,
    parent: int,
    soft_s: float,
    start: Callable[[], None],
    work: Callable[[Item], Result],
) -> None:
    """Answer batches until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(parent)
    start()
    _limit_memory()
    signal.signal(signal.SIGPROF, _interrupt)
    pipe.send(_READY)
    while True:
        try:
            batch: list[tuple[int, Item]] = pipe.recv()
        except EOFError:
            return
        for number, item in batch:
            try:
                result = _within(soft_s, work, item)
            except _SoftLimit:
                result = (TIMEOUT, f"{soft_s:g} CPU seconds")
            pipe.send((number, result))


def _within(soft_s: float, work: Callable[[Item], Result], item: Item) -> Result:
    """The timer repeats, because a handler's exception can be lost (in a destructor, or to a bare
    `except`)."""
    try:
        signal.setitimer(signal.ITIMER_PROF, soft_s, 0.2)
        return work(item)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise _SoftLimit


def _limit_memory() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _die_with(parent: int) -> None:
    """Linux kills this process with its parent; elsewhere the closed pipe ends it."""
    import ctypes
    import sys

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


# ---- in the parent


def _cores() -> int:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    deadline: float
    ready: bool = False
    todo: list[tuple[int, Item]] = field(default_factory=list)


class Pool:
    """Maps items to results over killable workers. Not for two threads at once."""

    def __init__(
        self,
        workers: int,
        timeout_s: float,
        start: Callable[[], None],
        work: Callable[[Item], Result],
    ) -> None:
        """`start` and `work` are module-level functions; workers: 0 means one per core this process
        may use."""
        self._size = workers or _cores()
        self._timeout_s = timeout_s
        self._start, self._work = start, work
        self._workers: list[_Worker] = []
        self._failed_starts = 0

    def map(self, items: Sequence[Item]) -> list[Result]:
        """One result per item, in order; a killed item gets `timeout`, one that took its worker
        along `error`.

        Raises: SandboxError if workers do not start.
        """
        results: dict[int, Result] = {}
        try:
            self._fill(results, items)
        except BaseException:
            self.close()  # whatever the workers hold belongs to nobody now
            raise
        return [results[number] for number in range(len(items))]

    def _fill(self, results: dict[int, Result], items: Sequence[Item]) -> None:
        queue = list(enumerate(items))[::-1]
        wanted = min(self._size, -(-len(items) // _BATCH))
        while len(results) < len(items):
            while len(self._workers) < wanted:
                self._workers.append(self._spawn())
            self._hand_out(queue)
            for worker in self._wait():
                self._receive(worker, results, queue)
            self._kill_the_late(results, queue)

    def close(self) -> None:
        """Kill all workers; none holds anything worth keeping."""
        while self._workers:
            self._end(self._workers[-1])

    def _spawn(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, os.getpid(), self._timeout_s * _SOFT_SHARE, self._start, self._work)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, time.monotonic() + _START_S)

    def _hand_out(self, queue: list[tuple[int, Item]]) -> None:
        """Batches shrink towards the end, so that the last items spread over all workers."""
        share = min(_BATCH, max(1, len(queue) // (2 * self._size)))
        for worker in self._workers:
            if worker.ready and not worker.todo and queue:
                worker.todo = [queue.pop() for _ in range(min(share, len(queue)))]
                worker.deadline = time.monotonic() + self._timeout_s
                with suppress(OSError):  # it just died: its end of the pipe says so in `_wait`
                    worker.pipe.send(worker.todo)

    def _wait(self) -> list[_Worker]:
        """Workers with something to say, when one has or the next deadline is over."""
        busy = [w.deadline for w in self._workers if w.todo or not w.ready]
        pause = max(0.0, min(busy) - time.monotonic())
        speaking = wait([w.pipe for w in self._workers], pause)
        return [w for w in self._workers if w.pipe in speaking]

    def _receive(
        self, worker: _Worker, results: dict[int, Result], queue: list[tuple[int, Item]]
    ) -> None:
        try:
            number, result = worker.pipe.recv()
        except (EOFError, OSError):
            self._lost(worker, (ERROR, "worker died"), results, queue)
            return
        if not worker.ready:
            worker.ready = True
            self._failed_starts = 0
            return
        assert worker.todo[0][0] == number
        worker.todo.pop(0)
        results[number] = result
        worker.deadline = time.monotonic() + self._timeout_s

    def _kill_the_late(self, results: dict[int, Result], queue: list[tuple[int, Item]]) -> None:
        now = time.monotonic()
        for worker in list(self._workers):
            if (
                (worker.todo or not worker.ready)
                and now > worker.deadline
                and not worker.pipe.poll()
            ):
                self._lost(worker, (TIMEOUT, f"{self._timeout_s:g} s"), results, queue)

    def _lost(
        self,
        worker: _Worker,
        result: Result,
        results: dict[int, Result],
        queue: list[tuple[int, Item]],
    ) -> None:
        """End a worker; the item it was at gets `result`, the others go back to the queue."""
        self._end(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MAX_FAILED_STARTS:
                raise SandboxError(
                    f"a worker of the math reward does not start ({_MAX_FAILED_STARTS} tries, exit "
                    f"code {worker.process.exitcode}); its error is above. "
                    "`pip install math-verify==0.9.0` brings what it imports."
                )
        if worker.todo:
            results[worker.todo[0][0]] = result
            queue.extend(worker.todo[:0:-1])

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()


@contextmanager
def open_pool(
    workers: int, timeout_s: float, start: Callable[[], None], work: Callable[[Item], Result]
) -> Iterator[Pool]:
    """A Pool whose workers end with the context."""
    pool = Pool(workers, timeout_s, start, work)
    try:
        yield pool
    finally:
        pool.close()
