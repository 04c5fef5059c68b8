"""Means over problems with 95 % intervals, and paired differences on the same problems.

The intervals are percentile bootstraps over *problems*: they say how far the mean would move with
another draw of problems, not with another base model or seed. Several seeds enter as several rows
and are averaged per problem first, since samples of the same problem are not independent.
Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), §13.3.

Where all problems agree, resampling gives nothing but the same value again, and an interval without
width would claim certainty. There the ends are exact instead: `_unanimous`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Support = tuple[float, float]  # the least and the greatest value that a problem may have
SHARES: Support = (0.0, 1.0)
DIFFERENCES: Support = (-1.0, 1.0)
TAIL = 0.025  # left out beyond each end of an interval
SAME = 1e-12  # values this close are equal: differences of fractions carry rounding
BLOCK = 2**20  # numbers held at once (8 MB), however many draws are asked for
GAIN, LOSS, NO_CHANGE = "significant gain", "significant loss", "no significant change"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """For JSON, at six decimals: more would be noise of the bootstrap."""
        return {key: round(value, 6) for key, value in asdict(self).items()}


def bootstrap(values: ArrayLike, draws: int, seed: int) -> Interval:
    """Mean over problems and its 95 % interval.

    values: shape P (problems), or S x P (seeds x problems); 0/1 or fractions. The same arguments
    give the same interval, which has a width even if all values are equal: 0 of 48 is 0 to 7.4 %.
    Raises: ValueError without a problem or a draw.
    """
    return _interval(_per_problem(values), draws, seed, SHARES)


def paired(before: ArrayLike, after: ArrayLike, draws: int, seed: int) -> Interval:
    """Mean of `after - before` over the same problems, in the same order, and its 95 % interval.

    Each as the values of `bootstrap`; the numbers of seeds may differ, those of problems may not.
    Raises: ValueError if the problems do not match in number.
    """
    first, second = _per_problem(before), _per_problem(after)
    if first.shape != second.shape:
        raise ValueError(f"{first.size} problems before, {second.size} after: they must be paired")
    return _interval(second - first, draws, seed, DIFFERENCES)


def verdict(change: Interval) -> str:
    """What an interval of a difference allows one to say: an end on 0 is no significant change."""
    if change.low > 0:
        return GAIN
    return LOSS if change.high < 0 else NO_CHANGE


def _interval(
    per_problem: NDArray[np.float64], draws: int, seed: int, support: Support
) -> Interval:
    """per_problem: shape P, within `support`.

    Drawing P problems with replacement is drawing how often each distinct value comes up, so the
    cost grows with the number of distinct values, not with P.
    """
    if draws < 1:
        raise ValueError(f"draws must be >= 1, got {draws}")
    if np.ptp(per_problem) <= SAME:
        return _unanimous(float(per_problem.mean()), per_problem.size, support)
    distinct, counts = np.unique(per_problem, return_counts=True)
    shares = counts / per_problem.size
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK // distinct.size)
    means = np.concatenate(
        [
            (rng.multinomial(per_problem.size, shares, min(block, draws - done)) * distinct).sum(1)
            for done in range(0, draws, block)
        ]
    )
    low, high = np.quantile(means / per_problem.size, (TAIL, 1 - TAIL))
    return Interval(float(per_problem.mean()), float(low), float(high))


def _unanimous(value: float, num_problems: int, support: Support) -> Interval:
    """The interval of a mean when all problems gave the same value.

    At 97.5 %, problems that behave otherwise make up no more than `unseen = 1 - 0.025^(1/P)` of
    all (about 3.7 / P, as in the "rule of three"). An end of the interval is the mean if all of
    those sat at that end of the support. Hence 0 of P is [0, unseen] and P of P is [1 - unseen, 1],
    the exact intervals of Clopper and Pearson, and no changed problem is [-unseen, unseen].
    Source: Clopper and Pearson, Biometrika 26 (1934); Hanley and Lippman-Hand, JAMA 249 (1983).
    """
    unseen, (least, greatest) = 1 - TAIL ** (1 / num_problems), support
    return Interval(value, value - unseen * (value - least), value + unseen * (greatest - value))


def _per_problem(values: ArrayLike) -> NDArray[np.float64]:
    """Shape P, averaged over the seeds if there are several."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 2:
        array = array.mean(axis=0)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"values must be P or S x P with a problem at least, got {array.shape}")
    return array
