"""The end of the E-step: which solutions are trained on, and what each of them weighs.

Pure functions. Source: arXiv 2312.06585, §3 (J = E[r(x, y) log p(y | x)], filter by reward) and §5
(at most 10 per problem); `weight: exp` is reward-weighted regression (Peters and Schaal 2007).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from restem.core.errors import DataError, ParamsError
from restem.core.params import Method
from restem.core.records import FAULTS, TRUNCATED, ScoredRow
from restem.core.seeds import seed_for

LARGEST = 80  # weights are float32, which ends at e^88, and are summed


def distinct(rows: Iterable[ScoredRow]) -> list[ScoredRow]:
    """The first row of every text, in the order given."""
    return list({row.text: row for row in reversed(list(rows))}.values())[::-1]


def cap_per_problem(
    rows: Sequence[ScoredRow], method: Method, cap: int, seed: int
) -> list[ScoredRow]:
    """A problem's rows that may be kept: deduplicated, at most `cap`, in order of sample_index.

    The choice is a function of (seed, problem_id) and of the rows, not of other problems.
    """
    kept = distinct(rows) if method.dedupe == "exact" else list(rows)
    if method.select == "random-cap" and len(kept) > cap:
        kept = random.Random(seed_for(seed, "select", kept[0].problem_id)).sample(kept, cap)
    elif method.select == "first":
        kept = kept[:cap]
    return sorted(kept, key=lambda row: row.sample_index)


def select(rows: Iterable[ScoredRow], method: Method, cap: int, seed: int) -> Iterator[ScoredRow]:
    """The kept ones of rows sorted by (problem_id, sample_index), in that order.

    Holds one problem's rows that may be kept in memory. Raises: DataError for rows out of order.
    """
    for _, group in groupby(_in_order(rows), key=lambda row: row.problem_id):
        pool = [row for row in group if may_be_kept(row, method)]
        yield from cap_per_problem(pool, method, cap, seed)


def may_be_kept(row: ScoredRow, method: Method) -> bool:
    """A correct row; for `weight: exp` any that was judged, ended by itself and holds a text."""
    if method.weight == "exp":
        return row.outcome not in (TRUNCATED, *FAULTS) and row.text != ""
    return row.reward > 0


def weight_of(row: ScoredRow, method: Method) -> float:
    """What a kept row weighs. Raises: ParamsError if `beta` is too small for its reward."""
    if method.weight == "one":
        return 1.0
    if method.weight == "reward":
        return row.reward
    if row.reward / method.beta > LARGEST:
        raise ParamsError(
            f"method.beta is too small for weight exp: e^({row.reward:g} / {method.beta:g}), for "
            f"{row.problem_id} sample {row.sample_index}, is too large a number. "
            f"Set it to {1.05 * row.reward / LARGEST:.2g} or more (params.yaml)."
        )
    return math.exp(row.reward / method.beta)


def _in_order(rows: Iterable[ScoredRow]) -> Iterator[ScoredRow]:
    last = ("", -1)
    for row in rows:
        place = (row.problem_id, row.sample_index)
        if place <= last:
            raise DataError(
                f"scored: {place[0]} sample {place[1]} comes after {last[0]} sample {last[1]}, "
                "but must be sorted by problem_id and sample_index, each once. Run `dvc repro`."
            )
        last = place
        yield row
