"""Rows of many requests, judged in batches by one thread per reward.

A batch takes what has come within a few milliseconds, first come first served, row by row: a
request of 10,000 rows is judged in many batches, and a trainer that asks for one row from each of
256 threads has them judged as one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from restem.commands.grade_judges import Judges
from restem.commands.grade_limits import Limits
from restem.commands.grade_rows import Row, line

ROWS_PER_BATCH = 512
LINGER_S = 0.005  # for others to come, so that they share the batch


@dataclass(slots=True, eq=False)
class _Order:
    """The rows of one request that one reward judges."""

    rows: Sequence[Row]
    answer: Future[list[str]]
    taken: int = 0
    lines: list[str] = field(default_factory=list)


_Batch = list[tuple[_Order, Sequence[Row]]]


class Queue:
    """Rows that wait for the reward `kind`, and the thread that judges them."""

    def __init__(self, kind: str, limits: Limits, max_rows: int) -> None:
        self.kind, self.grader = kind, ""
        self._limits, self._max_rows = limits, max_rows
        self._orders: deque[_Order] = deque()
        self._unfinished = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"grade {kind}", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Rows that wait or are being judged."""
        return self._unfinished

    def has_room(self, num_rows: int) -> bool:
        """An empty queue takes a request of any size."""
        return not self._unfinished or self._unfinished + num_rows <= self._max_rows

    def put(self, rows: Sequence[Row]) -> Future[list[str]]:
        """The lines of output, in order, once they are there. It raises what opening the reward
        raises, SandboxError above all."""
        answer: Future[list[str]] = Future()
        if not rows:
            answer.set_result([])
            return answer
        with self._changed:
            self._orders.append(_Order(rows, answer))
            self._unfinished += len(rows)
            self._changed.notify()
        return answer

    def close(self, within_s: float) -> None:
        """End after the batch that is being judged; what waits is dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        with Judges(self._limits) as judges:
            while (batch := self._next()) is not None:
                self._judge(judges, batch)

    def _next(self) -> _Batch | None:
        """The next batch, None when it is time to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self._closing)
            if not self._closing and self._unfinished < ROWS_PER_BATCH:
                self._changed.wait_for(self._is_full, LINGER_S)
            return None if self._closing else self._take()

    def _is_full(self) -> bool:
        return self._closing or self._unfinished >= ROWS_PER_BATCH

    def _take(self) -> _Batch:
        batch: _Batch = []
        room = ROWS_PER_BATCH
        while room and self._orders:
            order = self._orders[0]
            if not order.taken and not order.answer.set_running_or_notify_cancel():
                self._orders.popleft()  # nobody waits for it any more
                self._unfinished -= len(order.rows)
                continue
            rows = order.rows[order.taken : order.taken + room]
            order.taken += len(rows)
            room -= len(rows)
            if order.taken == len(order.rows):
                self._orders.popleft()
            batch.append((order, rows))
        return batch

    def _judge(self, judges: Judges, batch: _Batch) -> None:
        rows = [row for _, part in batch for row in part]
        try:
            verdicts = iter(judges.verdicts(self.kind, rows))
            self.grader = judges.grader(self.kind)
        except Exception as error:  # noqa: BLE001  # the thread lives on; who asked is told
            self._give_up([order for order, _ in batch], error)
            return
        for order, part in batch:
            order.lines += [line(row, next(verdicts), self.grader) for row in part]
            self._done(len(part))
            if len(order.lines) == len(order.rows):
                order.answer.set_result(order.lines)

    def _give_up(self, orders: Sequence[_Order], error: Exception) -> None:
        for order in orders:
            with self._changed:
                if order in self._orders:
                    self._orders.remove(order)
            self._done(len(order.rows) - len(order.lines))
            order.answer.set_exception(error)

    def _done(self, num_rows: int) -> None:
        with self._changed:
            self._unfinished -= num_rows
