"""Everything that determines a training besides the model's weights, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from restem.core.params import Train
from restem.training.checks import Check, should_stop
from restem.training.dataset import Batches, Example


@dataclass(slots=True)
class Plan:
    """One training; the last two fields change while it runs."""

    key: str
    """Hash of the job; a checkpoint with another one is refused."""
    work_dir: Path
    train: Train
    max_epochs: int
    examples: list[Example]
    prefix: list[int]
    """Tokens every row begins with, computed once a batch; empty if the model cannot do that."""
    batches: Batches
    check_at: frozenset[int]
    """Updates after which D_val is checked."""
    validate: Callable[[Path], float]
    """Reward on D_val, in [0, 1], of the model in a folder."""
    on_step: Callable[[int, int, str], None]
    """Hears of every update: updates done, updates in all, what is worth showing."""
    checks: list[Check] = field(default_factory=list)
    loss: float = math.nan
    """Of the last update."""

    @property
    def num_updates(self) -> int:
        """If nothing stops it."""
        return len(self.batches) * self.max_epochs

    def is_over(self) -> bool:
        """Whether all updates are done, or the reward has stopped to improve."""
        if not self.checks:
            return False
        return self.checks[-1].step == self.num_updates or should_stop(self.checks, self.train)

    def live(self) -> str:
        """Loss and last reward in a few characters."""
        reward = f", D_val {self.checks[-1].reward:.1%}" if self.checks else ""
        return f"loss {self.loss:.3f}{reward}"
