"""What an E-step found and what an M-step did with it: the numbers that show a loop going wrong.

A falling share of distinct solutions or a falling pass@k at large k means collapse, growing length
or truncation means drift, few solved problems mean that there is little left to learn from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


def count_e_step(scored: Sequence[Mapping[str, object]], num_kept: int) -> EStep:
    """scored: rows of `scored.parquet`; num_kept: rows of `train.parquet` made from them."""
    correct = [row for row in scored if float(str(row["reward"])) > 0]
    outcomes = Counter(row["outcome"] for row in scored)
    tokens = sum(int(str(row["num_tokens"])) for row in scored)
    return EStep(
        num_problems=_distinct(row["problem_id"] for row in scored),
        num_samples=len(scored),
        num_correct=len(correct),
        num_distinct=_distinct((row["problem_id"], row["text"]) for row in correct),
        num_solved=_distinct(row["problem_id"] for row in correct),
        num_kept=num_kept,
        mean_tokens=tokens / max(len(scored), 1),
        outcomes={name: outcomes[name] for name in OUTCOMES},
    )


def _distinct(values: Iterable[object]) -> int:
    return len(set(values))


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
