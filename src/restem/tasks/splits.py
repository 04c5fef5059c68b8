"""D, D_val and test out of the files of a data set.

D_val comes first in a shuffle by `data.seed`, D after it, so that D_val does not change with
`data.train_problems`; a data set's own validation file is D_val instead, and all of train is left
for D. test is the start of its file. Sizes above what there is take all there is. What train shares
with test or the validation file leaves it before D_val is drawn, and what D shares with D_val
leaves D; letter case and white space do not count.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from restem.core.errors import DataError, ParamsError
from restem.core.params import Data
from restem.core.records import Problem
from restem.core.seeds import seed_for

MAX_DUPLICATES = 0.01  # share of D; more than that is a mix-up of files

log = logging.getLogger(__name__)


def draw(
    train: Sequence[Problem], own_val: Sequence[Problem] | None, test: Sequence[Problem], data: Data
) -> dict[str, list[Problem]]:
    """The problems of a data set's files as splits. own_val: those of its validation file, if any.

    Raises: ParamsError if nothing is left for D, DataError if train and test are mixed up.
    """
    free = without_duplicates(train, [*test, *(own_val or [])])
    shuffled = sorted(free, key=lambda p: seed_for(data.seed, p.task, p.problem_id))
    if own_val is None:
        val, free = _cut(shuffled, data)
    else:
        val, free = list(own_val[: data.val_problems]), shuffled
    drawn = {"train": free[: data.train_problems], "val": val, "test": test[: data.test_problems]}
    return {
        split: sorted((replace(p, split=split) for p in problems), key=lambda p: p.problem_id)
        for split, problems in drawn.items()
    }


def _cut(shuffled: list[Problem], data: Data) -> tuple[list[Problem], list[Problem]]:
    """D_val, and what is left for D."""
    if data.val_problems >= len(shuffled):
        raise ParamsError(
            f"data.val_problems must be below {len(shuffled)}, the training problems in "
            f"{data.path}, got {data.val_problems}: nothing is left to train on (params.yaml). "
            "Lower it."
        )
    val = shuffled[: data.val_problems]
    return val, without_duplicates(shuffled[data.val_problems :], val)


def without_duplicates(problems: Sequence[Problem], held_out: Iterable[Problem]) -> list[Problem]:
    """Problems whose question is not held out; what goes is logged.

    Raises: DataError if that is more than 1 %.
    """
    known = {_words(problem.question) for problem in held_out}
    kept = [problem for problem in problems if _words(problem.question) not in known]
    gone = len(problems) - len(kept)
    if gone > MAX_DUPLICATES * len(problems):
        raise DataError(
            f"{gone} of {len(problems)} training questions also stand in test or D_val, more than "
            "1 %. Check that the files of train, val and test are different ones."
        )
    if gone:
        log.warning("%d training questions that also stand in test or D_val are left out", gone)
    return kept


def _words(question: str) -> str:
    return " ".join(question.casefold().split())
