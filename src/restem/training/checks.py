"""When the reward on D_val is measured, and what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from restem.core.params import Train


@dataclass(frozen=True, slots=True)
class Check:
    """The greedy reward on D_val after an update."""

    step: int
    epoch: float
    reward: float
    """In [0, 1]."""


def check_steps(num_batches: int, epochs: int, per_epoch: int) -> list[int]:
    """Updates after which D_val is checked: `per_epoch` times an epoch, evenly, always at its end;
    at most at every update."""
    ends = sorted({max(1, round(num_batches * k / per_epoch)) for k in range(1, per_epoch + 1)})
    return [epoch * num_batches + end for epoch in range(epochs) for end in ends]


def best(checks: Sequence[Check]) -> Check:
    """The check with the highest reward, the first of equals."""
    return max(checks, key=lambda check: check.reward)


def should_stop(checks: Sequence[Check], train: Train) -> bool:
    """More than `patience` checks without improvement, and `min_updates` done.

    Source: arXiv 2312.06585, algorithm 1: fine-tune "while reward improves on D_val".
    """
    after_best = len(checks) - 1 - checks.index(best(checks))
    return after_best > train.patience and checks[-1].step >= train.min_updates
