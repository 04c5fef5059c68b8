"""What an E-step found and what an M-step did with it: the numbers that show a loop going wrong.

A falling share of distinct solutions or a falling pass@k at large k means collapse, growing length
or truncation means drift, few solved problems mean that there is little left to learn from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NotRequired, TypedDict

from restem.core.records import OUTCOMES

GAP = "nan"  # in CSV files: `dvc plots` would draw an empty cell as 0


@dataclass(frozen=True, slots=True)
class EStep:
    """Counts of the scored samples of one iteration, and of the rows kept from them."""

    num_problems: int
    num_samples: int
    num_correct: int
    """Samples with a reward above 0: those that the filter may keep."""
    num_distinct: int
    """Correct samples with a text of their own: a repeated one of the same problem counts once."""
    num_solved: int
    """Problems with a correct sample."""
    num_kept: int
    mean_tokens: float
    outcomes: Mapping[str, int]

    @property
    def accuracy(self) -> float:
        """Share of samples that are correct."""
        return self.num_correct / max(self.num_samples, 1)

    @property
    def solved(self) -> float:
        """Share of problems with a correct sample."""
        return self.num_solved / max(self.num_problems, 1)

    @property
    def distinct(self) -> float:
        """Share of correct samples that are distinct."""
        return self.num_distinct / max(self.num_correct, 1)


class LossPoint(TypedDict):
    """A logged update."""

    step: int
    epoch: float
    loss: float
    grad_norm: NotRequired[float]
    learning_rate: NotRequired[float]


class Check(TypedDict):
    """Greedy reward on D_val, in [0, 1], after `step` updates."""

    step: int
    epoch: float
    reward: float


class Training(TypedDict):
    """`metrics/training/K.json`, as the train stage writes it."""

    curve: list[LossPoint]
    checks: list[Check]
    best_step: int
    best_reward: float
    num_rows: int
    num_overlong: int
    num_updates: int
    target_tokens: int
    tokens: int
    init: str
    adopted: NotRequired[list[dict[str, object]]]
    """Checkpoints that earlier code made; there only if there are any."""


def count_e_step(scored: Iterable[Mapping[str, object]], num_kept: int) -> EStep:
    """scored: rows of `scored.parquet`, those of a problem together; num_kept: rows of
    `train.parquet` made from them. Holds the correct texts of one problem in memory."""
    outcomes: Counter[object] = Counter()
    num_problems = num_correct = num_distinct = num_solved = tokens = 0
    for _, rows in groupby(scored, key=lambda row: row["problem_id"]):
        correct: Counter[object] = Counter()
        for row in rows:
            outcomes[row["outcome"]] += 1
            tokens += int(str(row["num_tokens"]))
            if float(str(row["reward"])) > 0:
                correct[row["text"]] += 1
        num_problems += 1
        num_correct += correct.total()
        num_distinct += len(correct)
        num_solved += bool(correct)
    return EStep(
        num_problems=num_problems,
        num_samples=outcomes.total(),
        num_correct=num_correct,
        num_distinct=num_distinct,
        num_solved=num_solved,
        num_kept=num_kept,
        mean_tokens=tokens / max(outcomes.total(), 1),
        outcomes={name: outcomes[name] for name in OUTCOMES},
    )


def curve_rows(training: Training) -> list[dict[str, int | float | str]]:
    """Loss and D_val reward over the updates, one row per step that has either; else GAP."""
    losses = {point["step"]: point for point in training["curve"]}
    checks = {check["step"]: check for check in training["checks"]}
    return [
        {
            "step": step,
            "epoch": round((losses.get(step) or checks[step])["epoch"], 6),
            "loss": round(losses[step]["loss"], 6) if step in losses else GAP,
            "reward": round(checks[step]["reward"], 6) if step in checks else GAP,
        }
        for step in sorted(losses.keys() | checks.keys())
    ]
