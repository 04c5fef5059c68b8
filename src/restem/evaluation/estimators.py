"""Estimators over the samples of one problem: pass@k and maj@k.

Pure arithmetic on counts and classes: what a sample says, and whether it is right, was decided
before (`rewards/`); means over problems and their intervals come after (`statistics.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb


def pass_at_k(n: int, c: int, k: int) -> float:
    """Chance that one of k draws without replacement from n samples, c of them correct, is correct.

    n, c: counts of one problem; result in [0, 1], exact up to one rounding, unbiased.
    Raises: ValueError unless 1 <= k <= n and 0 <= c <= n.
    Source: arXiv 2107.03374 eq. 1.
    """
    if not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} samples and k >= 1, got {n} samples")
    if not 0 <= c <= n:
        raise ValueError(f"{c} correct of {n} samples")
    return (comb(n, k) - comb(n - c, k)) / comb(n, k)


def majority_chance(classes: Sequence[int | None], correct: Sequence[bool]) -> float:
    """Chance, in [0, 1], that a majority vote over all samples of one problem is right.

    classes: the equivalence class of each sample's answer, None for a sample without an answer,
    which has no vote; without any vote the result is 0.
    Ties: the classes with most votes are equally likely to win, so each gives its equal share.
    A class whose samples were judged differently counts with the share of them judged correct.
    Raises: ValueError if the lengths differ.
    """
    votes: Counter[int] = Counter()
    right: Counter[int] = Counter()
    for cls, is_right in zip(classes, correct, strict=True):
        if cls is not None:
            votes[cls] += 1
            right[cls] += is_right
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [cls for cls, count in votes.items() if count == most]
    return sum(right[cls] for cls in winners) / (most * len(winners))
