"""The end of the E-step: which of the correct solutions are trained on.

Pure functions. Source: arXiv 2312.06585, §3 (filter by reward) and §5 (at most 10 per problem).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from restem.core.errors import DataError
from restem.core.params import Method
from restem.core.records import ScoredRow
from restem.core.seeds import seed_for


def distinct(rows: Iterable[ScoredRow]) -> list[ScoredRow]:
    """The first row of every text, in the order given."""
    return list({row.text: row for row in reversed(list(rows))}.values())[::-1]


def cap_per_problem(
    rows: Sequence[ScoredRow], method: Method, cap: int, seed: int
) -> list[ScoredRow]:
    """Correct rows of one problem: deduplicated, then at most `cap`, in order of sample_index.

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

    Holds the correct rows of one problem in memory. Raises: DataError for rows out of order.
    """
    for _, group in groupby(_in_order(rows), key=lambda row: row.problem_id):
        correct = [row for row in group if row.reward > 0]
        yield from cap_per_problem(correct, method, cap, seed)


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
