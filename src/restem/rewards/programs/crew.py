"""Many programs over many boxes: one thread per box, each judge in a box of its own.

Verdicts do not depend on the number of boxes: limits count CPU time, and what ran into the (wider)
wall limit while it worked runs once more, alone, when all others are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from restem.core.records import ERROR
from restem.rewards.programs.rulings import Ruling
from restem.rewards.sandbox.client import Box, BoxFault

Job = Callable[[Box], Ruling]
"""One judge's work on one program."""


def run_all(boxes: Sequence[Box], jobs: Sequence[Job]) -> list[Ruling]:
    """One ruling per job, in order."""
    if not jobs:
        return []
    free: SimpleQueue[Box] = SimpleQueue()
    for box in boxes:
        free.put(box)

    def work(job: Job) -> Ruling:
        box = free.get()
        try:
            return run_one(box, job)
        finally:
            free.put(box)

    with ThreadPoolExecutor(len(boxes)) as threads:
        rulings = list(threads.map(work, jobs))
    return [
        run_one(boxes[0], job) if ruling.again else ruling
        for job, ruling in zip(jobs, rulings, strict=True)
    ]


def run_one(box: Box, job: Job) -> Ruling:
    """A box that fails is given one more try; it has restarted by then. Never raises Exceptions:
    what one program makes of its judge must not end the run of all others."""
    try:
        return _tried_twice(box, job)
    except Exception as error:  # noqa: BLE001  # boundary to hostile answers: becomes a row
        return Ruling(ERROR, f"judge: {type(error).__name__}: {error}"[:200])


def _tried_twice(box: Box, job: Job) -> Ruling:
    try:
        return job(box)
    except BoxFault:
        try:
            return job(box)
        except BoxFault as error:
            return Ruling(ERROR, f"sandbox: {error}"[:200])
