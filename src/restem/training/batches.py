"""Which rows an update sees, and which of them each process sees in each of its passes.

An update is the same rows however many processes share it and in however many passes they compute
it: one process, two, or eight passes of one row are the same step, up to rounding.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from restem.core.seeds import seed_for

Slot = tuple[tuple[int, ...], tuple[int, ...]]
"""Row numbers of a whole update, and those of one pass of one process; the latter may be none."""


class Updates:
    """Lists of row numbers of about `budget` tokens, like lengths together.

    The order is a function of (seed, epoch) alone. Rows of equal length change places from epoch to
    epoch, the lengths do not, so every epoch has updates of the same sizes.
    """

    def __init__(self, lengths: Sequence[int], budget: int, seed: int) -> None:
        self.lengths, self.budget, self.seed = lengths, budget, seed
        self.sizes = [len(update) for update in self.in_epoch(0)]
        """Rows of an epoch's updates, in some order, the same in every epoch."""
        self.per_epoch = len(self.sizes)

    def in_epoch(self, epoch: int) -> list[list[int]]:
        """All updates of an epoch; a row longer than the budget is alone in its update."""
        rng = random.Random(seed_for(self.seed, "batches", epoch))
        order = sorted(range(len(self.lengths)), key=lambda row: (self.lengths[row], rng.random()))
        updates: list[list[int]] = []
        for row in order:
            if not updates or (len(updates[-1]) + 1) * self.lengths[row] > self.budget:
                updates.append([])
            updates[-1].append(row)
        rng.shuffle(updates)
        return updates


class Slots:
    """A batch sampler: one process's passes, `accumulate` for every update, each as one item."""

    def __init__(self, updates: Updates, accumulate: int, rank: int, processes: int) -> None:
        self.updates, self.epoch = updates, 0
        self.accumulate, self.rank, self.processes = accumulate, rank, processes

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.updates.per_epoch * self.accumulate

    def __iter__(self) -> Iterator[list[Slot]]:
        parts = self.accumulate * self.processes
        for update in self.updates.in_epoch(self.epoch):
            for step in range(self.accumulate):
                yield [(tuple(update), part(update, step * self.processes + self.rank, parts))]


def part(update: Sequence[int], number: int, parts: int) -> tuple[int, ...]:
    """One of `parts` runs of an update's rows; together they are all of them, once."""
    size = len(update)
    return tuple(update[number * size // parts : (number + 1) * size // parts])
