"""Everything that determines a training besides the model's weights, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from restem.core.params import Train
from restem.training.batches import Slots, Updates
from restem.training.checks import Check, should_stop
from restem.training.dataset import Row
from restem.training.meter import Meter


@dataclass(slots=True)
class Plan:
    """One training, as one of its processes sees it; the last three fields change while it runs."""

    key: str
    """Hash of the job; a checkpoint with another one is refused."""
    work_dir: Path
    train: Train
    max_epochs: int
    rows: list[Row]
    prefix: list[int]
    """Tokens every row begins with, computed once a pass; empty if the model cannot do that."""
    updates: Updates
    check_at: frozenset[int]
    """Updates after which D_val is checked."""
    validate: Callable[[Path], float] | None
    """Reward on D_val, in [0, 1], of the checkpoint in a folder; None ends the training at the
    check, for another process to measure it."""
    on_step: Callable[[int, int, str], None]
    """Hears of every update: updates done, updates in all, what is worth showing."""
    shares: bool = False
    """Whether rows hold several solutions."""
    rank: int = 0
    processes: int = 1
    checks: list[Check] = field(default_factory=list)
    loss: float = math.nan
    """Of the last update, as far as this process knows it."""
    meter: Meter = field(default_factory=Meter)

    @property
    def num_updates(self) -> int:
        """If nothing stops it."""
        return self.updates.per_epoch * self.max_epochs

    def facts(self) -> dict[str, int]:
        """What a checkpoint says of its training besides the rewards."""
        return {
            "num_updates": self.num_updates,
            "num_rows": len(self.rows),
            "row_tokens": sum(row.length for row in self.rows),
            "shares": int(self.shares),
            "empty_percent": self._empty_percent(),
        }

    def _empty_percent(self) -> int:
        """Passes of all processes that have no row, in percent."""
        sizes = self.updates.sizes
        passes = self.train.accumulate * self.processes
        return 100 * sum(max(0, passes - size) for size in sizes) // (passes * len(sizes))

    def slots(self) -> Slots:
        """What this process computes, pass by pass."""
        return Slots(self.updates, self.train.accumulate, self.rank, self.processes)

    def is_over(self) -> bool:
        """Whether all updates are done, or the reward has stopped to improve."""
        if not self.checks:
            return False
        return self.checks[-1].step == self.num_updates or should_stop(self.checks, self.train)

    def live(self) -> str:
        """Loss and last reward in a few characters."""
        reward = f", D_val {self.checks[-1].reward:.1%}" if self.checks else ""
        return f"loss {self.loss:.3f}{reward}"
